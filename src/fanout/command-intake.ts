import { ClusterError, TokenBucket } from "../base/index.js";
import type { Clock } from "./clock.js";
import { parseCommand, unknownCommand } from "./commands.js";
import type { ClientCommand, RemoteCall } from "./commands.js";
import type { Limits } from "./limits.js";

/** One after the other, each once the one before is answered. */
export type OrderedCommand = Exclude<ClientCommand, RemoteCall>;

/** Where commands go once they are known to be some. */
export interface CommandReceiver {
  readonly isClosed: boolean;
  /** How long whose connection it is has to wait before one more command, beside this connection's own rate; 0 takes it. */
  sharedWaitMs(): number;
  /** At once, whatever waits: it asks whether somebody is there. */
  ping(id: number): void;
  /** Beside the commands that are worked on in order. */
  call(call: RemoteCall): void;
  /** In order, however long each takes. Never rejects. */
  run(command: OrderedCommand): Promise<void>;
  refuse(command: string, id: number, error: ClusterError): void;
  /** Nobody can be answered, or somebody does not stop. */
  cutOff(cause: "bad-request" | "rate-exceeded" | "overloaded", reason: string): void;
  /** Without a goodbye: what is sent meanwhile would be answered for seconds. */
  stop(reason: string): void;
}

/** A client whose commands are so many times too fast, refusals and all, is cut off. */
const PATIENCE = 2;

/** The lines of one client, as commands: checked, counted against its rate, and those that have an order in that order. */
export class CommandIntake {
  readonly #receiver: CommandReceiver;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #bucket: TokenBucket;
  readonly #beats: TokenBucket;
  /** Made for those who need it. */
  #patience: TokenBucket | undefined;
  #queue: OrderedCommand[] = [];
  #working = false;

  constructor(receiver: CommandReceiver, clock: Clock, limits: Limits) {
    this.#receiver = receiver;
    this.#clock = clock;
    this.#limits = limits;
    const now = clock.monotonicMs();
    this.#bucket = new TokenBucket(limits.commandsPerSecond, now);
    this.#beats = new TokenBucket(limits.beatsPerSecond, now);
  }

  /** A ping or a pong: each is cheap to send, and to answer costs as much as a command. */
  beat(): void {
    if (this.#receiver.isClosed || this.#beats.take(this.#clock.monotonicMs()) === 0) return;
    this.#receiver.stop("too many pings or pongs");
  }

  /** `undefined` for a binary message. */
  read(text: string | undefined): void {
    const { messageBytesMax } = this.#limits;
    if (text === undefined) {
      this.#receiver.cutOff("bad-request", "messages are JSON text, not binary");
      return;
    }
    if (Buffer.byteLength(text) > messageBytesMax) {
      this.#receiver.cutOff("bad-request", `a message has at most ${messageBytesMax} bytes`);
      return;
    }
    for (const line of text.split("\n")) {
      if (this.#receiver.isClosed) return;
      if (line.trim() !== "") this.#readLine(line);
    }
  }

  /** What waits is forgotten. */
  close(): void {
    this.#queue = [];
  }

  #readLine(line: string): void {
    const command = parseCommand(line);
    if (command.kind === "unreadable" && command.id === undefined) {
      this.#receiver.cutOff("bad-request", command.message);
      return;
    }
    const waitMs = this.#bucket.take(this.#clock.monotonicMs()) || this.#receiver.sharedWaitMs();
    if (waitMs > 0) {
      this.#refuseForRate(command.id, waitMs);
      return;
    }
    switch (command.kind) {
      case "unreadable": {
        const { field, message } = command;
        const violations = [{ field, description: message }];
        const error = new ClusterError("invalid-argument", message, { violations });
        this.#receiver.refuse("unreadable", command.id, error);
        return;
      }
      case "unknown": {
        this.#receiver.refuse("unknown", command.id, unknownCommand());
        return;
      }
      case "ping":
        this.#receiver.ping(command.id);
        return;
      case "rpc":
        this.#receiver.call(command);
        return;
      default:
        this.#enqueue(command);
    }
  }

  #refuseForRate(id: number, waitMs: number): void {
    const now = this.#clock.monotonicMs();
    this.#patience ??= new TokenBucket(this.#limits.commandsPerSecond * PATIENCE, now);
    if (this.#patience.take(now) > 0) {
      this.#receiver.cutOff("rate-exceeded", "too many commands");
      return;
    }
    const message = "too many commands: wait a little";
    const details = { retryAfterMs: waitMs, outcome: "not_applied" } as const;
    this.#receiver.refuse("any", id, new ClusterError("rate-limited", message, details));
  }

  #enqueue(command: OrderedCommand): void {
    if (this.#queue.length >= this.#limits.commandsQueuedMax) {
      this.#receiver.cutOff("overloaded", "too many commands wait for their answer");
      return;
    }
    this.#queue.push(command);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (this.#receiver.isClosed) break;
      await this.#receiver.run(next);
    }
    // A list that was used keeps its room, and nearly all connections are idle.
    this.#queue = [];
    this.#working = false;
  }
}
