import type { Caller, Operation, Question } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse } from "./draft.js";
import type { Draft, Outcome } from "./draft.js";
import { KEYS } from "./rows.js";
import type { LoginFailuresRow } from "./rows.js";
import type { StateReader } from "./state-reader.js";

type RecordLoginFailure = Extract<Operation, { kind: "record-login-failure" }>;

/** Failures of one user from one address until none is heard, and how long failures count. */
export const USER_FAILURES_MAX = 10;
export const USER_WINDOW_MS = 15 * 60_000;
/** The same for all users from one address; the time begins with the first. */
export const ADDRESS_FAILURES_MAX = 100;
export const ADDRESS_WINDOW_MS = 24 * 3_600_000;

/**
 * Counts a guess. Kept with the users, so that it holds at every door and survives each. Users that there are not count too: who
 * is kept out learns nothing of who is there.
 */
export function recordLoginFailure(
  draft: Draft,
  caller: Caller,
  { user, address }: RecordLoginFailure,
): Outcome {
  if (decide(caller, "login-failure.record", { kind: "none" }).kind === "deny") {
    return refuse("permission-denied", "only the cluster counts who tries to log in");
  }
  const { nowMs, rows } = draft;
  const userKey = KEYS.loginFailures(user, address);
  const before = draft.find(rows.loginFailures, userKey);
  if (before !== undefined) {
    draft.delete(KEYS.loginFailuresExpiry(before.expireMs, user, address));
  }
  const expireMs = nowMs + USER_WINDOW_MS;
  draft.put(rows.loginFailures, userKey, { count: standing(before, nowMs) + 1, expireMs });
  draft.put(rows.expiry, KEYS.loginFailuresExpiry(expireMs, user, address), NOTHING_ELSE);

  const addressKey = KEYS.addressFailures(address);
  const all = draft.find(rows.loginFailures, addressKey);
  const count = standing(all, nowMs);
  const allExpireMs = all !== undefined && count > 0 ? all.expireMs : nowMs + ADDRESS_WINDOW_MS;
  if (all !== undefined && all.expireMs !== allExpireMs) {
    draft.delete(KEYS.addressFailuresExpiry(all.expireMs, address));
  }
  draft.put(rows.loginFailures, addressKey, { count: count + 1, expireMs: allExpireMs });
  draft.put(rows.expiry, KEYS.addressFailuresExpiry(allExpireMs, address), NOTHING_ELSE);
  return { kind: "done", name: `users/${user}`, revision: 0 };
}

/** Who is in has not guessed. */
export function forgetLoginFailures(draft: Draft, user: string, address: string): void {
  const key = KEYS.loginFailures(user, address);
  const before = draft.find(draft.rows.loginFailures, key);
  if (before === undefined) return;
  draft.delete(key);
  draft.delete(KEYS.loginFailuresExpiry(before.expireMs, user, address));
}

/** Until when nobody logs in as this user from this address, by log time; 0 if one may try. */
export function loginThrottledUntil(
  state: StateReader,
  { user, address }: Extract<Question, { kind: "get-login-throttle" }>,
): number {
  const own = state.find(state.rows.loginFailures, KEYS.loginFailures(user, address));
  const all = state.find(state.rows.loginFailures, KEYS.addressFailures(address));
  return Math.max(
    own !== undefined && own.count >= USER_FAILURES_MAX ? own.expireMs : 0,
    all !== undefined && all.count >= ADDRESS_FAILURES_MAX ? all.expireMs : 0,
  );
}

const NOTHING_ELSE = { keys: [], bytes: 0 } as const;

function standing(row: LoginFailuresRow | undefined, nowMs: number): number {
  return row === undefined || row.expireMs <= nowMs ? 0 : row.count;
}
