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
  switch (operation.kind) {
    case "create-invitation":
      return operation.tells ? 3 : FIRST_FEATURE_LEVEL;
    case "create-events": {
      const { absentOnly = false, events } = operation;
      return absentOnly || events.some(({ icalUid = "" }) => icalUid !== "")
        ? 4
        : FIRST_FEATURE_LEVEL;
    }
    case "deliver":
      return levelOfNews(operation.delivery);
    default:
      return LATER.get(operation.kind) ?? FIRST_FEATURE_LEVEL;
  }
}

function levelOfNews(delivery: Delivery): number {
  if (delivery.kind === "event" && delivery.event.icalUid !== "") return 4;
  return LATER_NEWS.get(delivery.kind) ?? FIRST_FEATURE_LEVEL;
}
