import type { Caller, Operation, Subscriptions } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuseNotFound, refuseStale } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { formatEtag } from "./etag.js";
import { KEYS } from "./rows.js";
import { isActive } from "./sessions.js";
import type { StateReader } from "./state-reader.js";

type SetSubscriptions = Extract<Operation, { kind: "set-subscriptions" }>;

/** As many as a connection may have. */
export const CHOSEN_CHANNELS_MAX = 128;

/** Choosing the same again changes nothing. */
export function setSubscriptions(
  draft: Draft,
  caller: Caller,
  operation: SetSubscriptions,
): Outcome {
  const { user, etag } = operation;
  const name = subscriptionsName(user);
  if (decide(caller, "subscriptions.update", { kind: "user", user }).kind === "deny") {
    return refuseNotFound(name);
  }
  if (!isActive(draft.find(draft.rows.user, KEYS.user(user)))) return refuseNotFound(name);
  const before = subscriptionsOf(draft, user);
  if (etag !== "" && etag !== formatEtag(before.revision)) return refuseStale(name);
  const channels = [...new Set(operation.channels)];
  const { length } = before.channels;
  if (length === channels.length && before.channels.every((name, i) => name === channels[i])) {
    return done(before);
  }
  const subscriptions: Subscriptions = {
    user,
    channels,
    updateTimeMs: draft.nowMs,
    revision: draft.nextRevision,
  };
  draft.put(draft.rows.subscriptions, KEYS.subscriptions(user), subscriptions);
  draft.change({
    kind: before.revision === 0 ? "created" : "updated",
    channel: `users/${user}`,
    audience: [],
    resourceName: name,
    resource: { kind: "subscriptions", subscriptions },
  });
  return done(subscriptions);
}

export function readSubscriptions(
  state: StateReader,
  caller: Caller,
  user: string,
): { readonly kind: "subscriptions"; readonly subscriptions: Subscriptions } | Refusal {
  if (decide(caller, "subscriptions.get", { kind: "user", user }).kind === "deny") {
    return refuseNotFound(subscriptionsName(user));
  }
  return { kind: "subscriptions", subscriptions: subscriptionsOf(state, user) };
}

function subscriptionsOf(state: StateReader, user: string): Subscriptions {
  const found = state.find(state.rows.subscriptions, KEYS.subscriptions(user));
  return found ?? { user, channels: [], updateTimeMs: 0, revision: 0 };
}

function done(subscriptions: Subscriptions): Outcome {
  const name = subscriptionsName(subscriptions.user);
  const resource = { kind: "subscriptions", subscriptions } as const;
  return { kind: "done", name, revision: subscriptions.revision, resource };
}

function subscriptionsName(user: string): string {
  return `users/${user}/subscriptions`;
}
