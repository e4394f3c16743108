import { assert } from "../base/index.js";
import type { Draft, Outcome } from "./draft.js";

/** All or none: the first refusal is the whole answer, and nothing is written. */
export function forAll<Item>(
  draft: Draft,
  items: readonly Item[],
  run: (item: Item) => Outcome,
): Outcome {
  let first: Outcome | undefined;
  for (const item of items) {
    const outcome = run(item);
    if (outcome.kind === "refused") {
      draft.discard();
      return outcome;
    }
    first ??= { kind: "done", name: outcome.name, revision: outcome.revision };
  }
  assert(first !== undefined, "a batch of nothing");
  return first;
}
