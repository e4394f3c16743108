import type { Caller, CommandReply, QueryReply, TryCommands } from "../domain/index.js";
import type { RangeMap } from "../placement/index.js";
import { applyCommand } from "./apply.js";
import { refuse } from "./draft.js";
import { levelOf } from "./feature-level.js";
import { gather } from "./gather.js";
import { answerQuestion } from "./queries.js";
import { readsOf } from "./reads.js";
import { findFault } from "./checks.js";
import { SupposedView } from "./supposed-view.js";
import type { Codec, View } from "./types.js";

/** Of what would be written: greater than that of anything that was, so that none of it is taken for older. */
const SEQUENCE = 2 ** 52;

/** What commands would come to, by the code that applies them, over a state of which nothing is changed. */
export function tryCommands(
  { caller, featureLevel }: { readonly caller: Caller; readonly featureLevel: number },
  { nowMs, commands, then }: TryCommands,
  view: View,
  codec: Codec,
  rangeMap: RangeMap,
): QueryReply {
  const supposed = new SupposedView(view);
  let sequence = SEQUENCE;
  let reply: CommandReply | undefined;
  for (const command of commands) {
    if (command.operation.kind === "unknown") {
      return refuse("unimplemented", "a node of an older version cannot try this: upgrade it");
    }
    if (levelOf(command) > featureLevel) {
      return refuse("unimplemented", "not every replica of the shard knows this command yet");
    }
    if (findFault(command) === undefined) gather(supposed, readsOf(command, rangeMap));
    const context = { index: 0, term: 0, timeMs: nowMs, sequence, featureLevel };
    const applied = applyCommand(context, command, supposed, codec, rangeMap);
    ({ reply } = applied);
    if (reply.kind === "refused") break;
    supposed.suppose(applied.writes);
    sequence += applied.changes.length;
  }
  if (reply === undefined) return refuse("invalid-argument", "commands: there is none to try");
  if (then === undefined) return { kind: "answered", answer: { kind: "tried", reply } };
  if (reply.kind === "refused") return refuse(reply.code, reply.message);
  return answerQuestion(caller, then, supposed, codec.rows);
}
