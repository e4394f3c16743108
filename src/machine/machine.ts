import { applyCommand } from "./apply.js";
import { findFault } from "./checks.js";
import { answerQuery } from "./queries.js";
import { readsOf } from "./reads.js";
import type { Codec, Machine } from "./types.js";

export function createMachine(codec: Codec): Machine {
  const { rows } = codec;
  return {
    reads: (command) =>
      findFault(command) === undefined ? readsOf(command) : { keys: [], ranges: [] },
    apply: (context, command, view) => applyCommand(context, command, view, rows),
    query: (query, view) => answerQuery(query, view, rows),
  };
}
