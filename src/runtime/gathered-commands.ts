import { ClusterError } from "../base/index.js";
import type { Command } from "../domain/index.js";
import { NOT_APPLIED } from "./refusals.js";
import type { Executed } from "./replica-handle.js";

export interface GatheredCommand {
  readonly bytes: Uint8Array;
  readonly command: Command;
  /** When it came. */
  readonly startMs: number;
  readonly deadlineMs: number;
  readonly resolve: (executed: Executed) => void;
  readonly reject: (error: ClusterError) => void;
}

/** Commands that wait to be proposed together; none of them has had an effect. */
export class GatheredCommands {
  #commands: GatheredCommand[] = [];
  #bytes = 0;

  get size(): number {
    return this.#commands.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(command: GatheredCommand): void {
    this.#commands.push(command);
    this.#bytes += command.bytes.length;
  }

  take(): readonly GatheredCommand[] {
    const commands = this.#commands;
    this.#commands = [];
    this.#bytes = 0;
    return commands;
  }

  expire(nowMs: number): void {
    if (this.#commands.length === 0) return;
    for (const command of this.take()) {
      if (command.deadlineMs > nowMs) this.add(command);
      else {
        command.reject(
          new ClusterError("deadline-exceeded", "the shard did not answer in time", NOT_APPLIED),
        );
      }
    }
  }

  rejectAll(error: ClusterError): void {
    for (const { reject } of this.take()) reject(error);
  }
}
