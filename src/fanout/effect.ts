import type { Change } from "../domain/index.js";
import type { ChosenChannels } from "../gateway/index.js";
import { findEndedRight } from "../policy/index.js";
import type { EndedRight } from "../policy/index.js";

/** What a committed change does to connections, beside being heard. */
export type Effect =
  EndedRight | { readonly kind: "chosen"; readonly user: string; readonly choice: ChosenChannels };

export function findEffect(change: Change): Effect | undefined {
  const { resource } = change;
  if (resource.kind !== "subscriptions") return findEndedRight(change);
  const { user, channels, revision } = resource.subscriptions;
  return { kind: "chosen", user, choice: { channels, revision } };
}
