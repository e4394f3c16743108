import type { Command, Delivery, Operation } from "../domain/index.js";

/**
 * What this version knows: commands of this level and below. A version that adds a kind of command, or a field that changes
 * what one does, raises it and says so below; so does one that applies a command otherwise, which then looks at the level of
 * the group.
 */
export const FEATURE_LEVEL = 4;

/** From here on nobody is invited to an event that comes back cancelled. */
export const TELLS_NO_CANCELLED = 4;

/** What every version knows, and every group begins with. */
export const FIRST_FEATURE_LEVEL = 1;

/** Kinds that came after the first level. */
const LATER: ReadonlyMap<Operation["kind"], number> = new Map([["publish-range-map", 2]]);

/** The same of what shards tell each other: until then it waits in its outbox. */
const LATER_NEWS: ReadonlyMap<Delivery["kind"], number> = new Map([
  ["default-visibility", 2],
  ["left-above", 2],
  ["group-moved", 2],
  ["notice", 3],
]);

/** The level from which on a command may stand in a log. */
export function levelOf({ operation }: Command): number {
  // A field that came after its kind: without it the command does what it did.
  if (operation.kind === "create-invitation" && operation.tells) return 3;
  const later =
    operation.kind === "deliver"
      ? LATER_NEWS.get(operation.delivery.kind)
      : LATER.get(operation.kind);
  return later ?? FIRST_FEATURE_LEVEL;
}
