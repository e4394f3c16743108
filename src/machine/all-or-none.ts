import { assert } from "../base/index.js";
import type { Draft, Outcome } from "./draft.js";
import { runEach } from "./gather.js";

/** All or none: the first refusal is the whole answer, and nothing is written. */
export function forAll<Item>(
  draft: Draft,
  items: readonly Item[],
  run: (item: Item) => Outcome,
): Outcome {
  let answer: Outcome | undefined;
  runEach(items, (item) => {
    const outcome = run(item);
    if (outcome.kind === "refused") {
      answer = outcome;
      return "stop";
    }
    answer ??= { kind: "done", name: outcome.name, revision: outcome.revision };
    return "go-on";
  });
  assert(answer !== undefined, "a batch of nothing");
  if (answer.kind === "refused") draft.discard();
  return answer;
}
