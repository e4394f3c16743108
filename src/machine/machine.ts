import { DEFAULT_RANGE_MAP } from "../placement/index.js";
import type { RangeMap } from "../placement/index.js";
import { applyCommand } from "./apply.js";
import { findFault } from "./checks.js";
import { FEATURE_LEVEL, levelOf } from "./feature-level.js";
import { answerQuestion } from "./queries.js";
import { readsOf } from "./reads.js";
import { tryCommands } from "./try-commands.js";
import type { Codec, Machine } from "./types.js";

/** The range map says which shard hears what: all replicas of all shards have the same one. */
export function createMachine(codec: Codec, rangeMap: RangeMap = DEFAULT_RANGE_MAP): Machine {
  return {
    featureLevel: FEATURE_LEVEL,
    levelOf,
    reads: (command) =>
      findFault(command) === undefined ? readsOf(command, rangeMap) : { keys: [], ranges: [] },
    apply: (context, command, view) => applyCommand(context, command, view, codec, rangeMap),
    query: ({ caller, question }, view, featureLevel) =>
      question.kind === "try-commands"
        ? tryCommands({ caller, featureLevel }, question, view, codec, rangeMap)
        : answerQuestion(caller, question, view, codec.rows),
  };
}
