import type { Collection } from "../placement/index.js";
import { isPersonal } from "./channels.js";

/**
 * The channels by which a shard's feed is asked for what was missed; undefined for all of it. A feed lists a change under the
 * channel that it belongs to and under the users whom it concerns, but not under the owner of a calendar, who may have
 * more calendars than are known here.
 */
export function feedFilter(
  collection: Collection,
  channels: readonly string[],
): readonly string[] | undefined {
  return collection === "calendars" && channels.some(isPersonal) ? undefined : channels;
}
