import type { Caller, Operation, Session, User } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { forgetLoginFailures } from "./login-throttle.js";
import { KEYS, prefixRange } from "./rows.js";
import { compareText } from "./text.js";
import type { KeyRange } from "./types.js";

type CreateSession = Extract<Operation, { kind: "create-session" }>;
type RotateSession = Extract<Operation, { kind: "rotate-session" }>;
type RevokeSession = Extract<Operation, { kind: "revoke-session" }>;

/** Sessions that a user may have; one more ends the one that was not used for the longest time. */
export const SESSIONS_MAX = 64;
/**
 * How long the former refresh token is still taken, in case the answer with the new one was lost.
 */
export const ROTATION_GRACE_MS = 10_000;

export function sessionsRange(user: string): KeyRange {
  return prefixRange(`ss/${user}`, SESSIONS_MAX + 1);
}

export function createSession(draft: Draft, caller: Caller, operation: CreateSession): Outcome {
  const { user, session: id, client, refreshHash, lifetimeMs } = operation;
  if (decide(caller, "session.create", { kind: "user", user }).kind === "deny") {
    return refuse("permission-denied", "only the cluster opens sessions");
  }
  if (!isActive(draft.find(draft.rows.user, KEYS.user(user)))) {
    return refuseNotFound(`users/${user}`);
  }
  const sessions = readSessions(draft, user);
  if (sessions.some((session) => session.id === id)) {
    return refuse("already-exists", `users/${user}/sessions/${id} exists`);
  }
  for (const session of findSuperfluous(sessions)) remove(draft, session);
  if (operation.address !== undefined) forgetLoginFailures(draft, user, operation.address);
  const session: Session = {
    user,
    id,
    client,
    refreshHash,
    previousHash: "",
    previousUntilMs: 0,
    createTimeMs: draft.nowMs,
    lastUseTimeMs: draft.nowMs,
    expireTimeMs: draft.nowMs + lifetimeMs,
    revokeTimeMs: 0,
  };
  write(draft, session, undefined);
  return done(session);
}

/**
 * Exchanges the refresh token. The former one is taken again for a short time; one that is neither
 * was stolen, or was used by a thief before: the session ends.
 */
export function rotateSession(draft: Draft, caller: Caller, operation: RotateSession): Outcome {
  const { user, session: id, presentedHash, nextHash, lifetimeMs } = operation;
  if (decide(caller, "session.rotate", { kind: "user", user }).kind === "deny") {
    return refuse("permission-denied", "only the cluster rotates sessions");
  }
  const session = draft.find(draft.rows.session, KEYS.session(user, id));
  if (session === undefined || !isAlive(session, draft.nowMs)) return refuseSession();
  if (!isActive(draft.find(draft.rows.user, KEYS.user(user)))) return refuseSession();
  const isCurrent = presentedHash === session.refreshHash;
  const isRepeated =
    presentedHash === session.previousHash && draft.nowMs <= session.previousUntilMs;
  if (!isCurrent && !isRepeated) {
    revoke(draft, session);
    return refuseSession();
  }
  const next: Session = {
    ...session,
    refreshHash: nextHash,
    previousHash: presentedHash,
    // A repetition does not prolong the grace.
    previousUntilMs: isCurrent ? draft.nowMs + ROTATION_GRACE_MS : session.previousUntilMs,
    lastUseTimeMs: draft.nowMs,
    expireTimeMs: draft.nowMs + lifetimeMs,
  };
  write(draft, next, session);
  return done(next);
}

/** Ending a session that has ended is no fault. */
export function revokeSession(draft: Draft, caller: Caller, operation: RevokeSession): Outcome {
  const { user, session: id } = operation;
  const name = sessionName(operation.user, id);
  if (decide(caller, "session.revoke", { kind: "user", user }).kind === "deny") {
    return refuseNotFound(name);
  }
  const session = draft.find(draft.rows.session, KEYS.session(user, id));
  if (session === undefined) return refuseNotFound(name);
  if (session.revokeTimeMs !== 0) return done(session);
  return done(revoke(draft, session));
}

export function revokeAllBut(draft: Draft, user: string, keepSession: string): void {
  for (const session of readSessions(draft, user)) {
    if (session.id !== keepSession && session.revokeTimeMs === 0) revoke(draft, session);
  }
}

/** Whether a user may do anything at all. */
export function isActive(user: User | undefined): user is User {
  return user?.state === "active" && user.deleteTimeMs === 0;
}

/** A session without what a thief could use. */
export function withoutHashes(session: Session): Session {
  return { ...session, refreshHash: "", previousHash: "" };
}

function isAlive(session: Session, nowMs: number): boolean {
  return session.revokeTimeMs === 0 && nowMs < session.expireTimeMs;
}

function readSessions(draft: Draft, user: string): readonly Session[] {
  const rows = draft.view.range(sessionsRange(user));
  return rows.map(({ value }) => draft.rows.session.decode(value));
}

/** Those that have to go for one more, the revoked ones and then the longest unused first. */
function findSuperfluous(sessions: readonly Session[]): readonly Session[] {
  const count = sessions.length + 1 - SESSIONS_MAX;
  if (count <= 0) return [];
  const rank = (session: Session): number =>
    session.revokeTimeMs === 0 ? session.lastUseTimeMs : -Infinity;
  return [...sessions]
    .sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : compareText(a.id, b.id)))
    .slice(0, count);
}

function write(draft: Draft, session: Session, before: Session | undefined): void {
  const { user, id } = session;
  draft.put(draft.rows.session, KEYS.session(user, id), session);
  if (before?.expireTimeMs === session.expireTimeMs) return;
  if (before !== undefined) draft.delete(KEYS.sessionExpiry(before.expireTimeMs, user, id));
  const expiryKey = KEYS.sessionExpiry(session.expireTimeMs, user, id);
  draft.put(draft.rows.expiry, expiryKey, { keys: [], bytes: 0 });
}

/** The row stays until the session would have expired. */
function revoke(draft: Draft, session: Session): Session {
  const revoked = { ...session, revokeTimeMs: draft.nowMs };
  draft.put(draft.rows.session, KEYS.session(session.user, session.id), revoked);
  reportEnd(draft, revoked);
  return revoked;
}

function remove(draft: Draft, session: Session): void {
  const { user, id, expireTimeMs } = session;
  if (session.revokeTimeMs === 0) reportEnd(draft, session);
  draft.delete(KEYS.session(user, id));
  draft.delete(KEYS.sessionExpiry(expireTimeMs, user, id));
}

/** In the feed, so that every open connection of the session hears of its end and closes. */
function reportEnd(draft: Draft, session: Session): void {
  draft.change({
    kind: "deleted",
    channel: `users/${session.user}`,
    audience: [],
    resourceName: sessionName(session.user, session.id),
    resource: { kind: "session", session: withoutHashes(session) },
  });
}

function done(session: Session): Outcome {
  return {
    kind: "done",
    name: sessionName(session.user, session.id),
    revision: 0,
    resource: { kind: "session", session: withoutHashes(session) },
  };
}

function sessionName(user: string, session: string): string {
  return `users/${user}/sessions/${session}`;
}

/** Says nothing of what is wrong. */
function refuseSession(): Refusal {
  return refuse("unauthenticated", "the session has ended: log in again");
}
