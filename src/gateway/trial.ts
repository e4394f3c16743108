import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { Command } from "../domain/index.js";
import type { ShardNumber } from "../placement/index.js";
import { clearFields } from "../wire/index.js";

/** What only a write gives: where it stands in the log. */
const PLACES: ReadonlySet<string> = new Set(["etag", "position"]);

/** What a call would have written so far, by shard. */
export class Trial {
  readonly #commands = new Map<ShardNumber, readonly Command[]>();

  /** Undefined where nothing was tried. */
  of(shard: ShardNumber): readonly Command[] | undefined {
    return this.#commands.get(shard);
  }

  /** All of the shard, this one last. */
  add(shard: ShardNumber, command: Command): readonly Command[] {
    const commands = [...(this.of(shard) ?? []), command];
    this.#commands.set(shard, commands);
    return commands;
  }
}

export function asksForTrial(request: Message & { readonly validateOnly?: boolean }): boolean {
  return request.validateOnly === true;
}

/** The answer to a trial, without what only a write gives. */
export function withoutPlaces(desc: DescMessage, answer: Message): Message {
  clearFields(desc, answer, PLACES);
  return answer;
}
