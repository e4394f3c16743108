import type { Caller, ChangeKind, Invitation, Operation } from "../domain/index.js";
import { decide } from "../policy/index.js";
import { refuse, refuseNotFound } from "./draft.js";
import type { Draft, Outcome, Refusal } from "./draft.js";
import { requireGroup } from "./groups.js";
import { joinGroup, refuseSuperior } from "./members.js";
import { findGroup } from "./membership.js";
import { KEYS, prefixRange } from "./rows.js";
import type { KeyRange } from "./types.js";

type CreateInvitation = Extract<Operation, { kind: "create-invitation" }>;
type SettleInvitation = Extract<Operation, { kind: "settle-invitation" }>;

/** Of one group, at a time. */
export const OPEN_INVITATIONS_MAX = 500;
/** How long an invitation can be read after it has expired, in log time. */
const KEPT_MS = 30 * 86_400_000;

/** Somebody is asked once at a time. */
export function createInvitation(
  draft: Draft,
  caller: Caller,
  operation: CreateInvitation,
): Outcome {
  const { group, invitation: id, invitee, role, rank, lifetimeMs, tells } = operation;
  const refusal = refuseSuperior(draft, caller, "invitation.create", group, rank, role);
  if (refusal !== undefined) return refusal;
  if (caller.kind !== "user") return refuseNotFound(`groups/${group}`);
  if (draft.has(KEYS.member(group, invitee))) {
    return refuse("already-exists", `groups/${group}/members/${invitee} exists`);
  }
  const open = draft.find(draft.rows.openInvitation, KEYS.openInvitation(group, invitee));
  if (open !== undefined && open.expireMs > draft.nowMs) {
    const name = invitationName(group, open.invitation);
    return refuse("already-exists", `${name} asks the same user: it is not answered yet`);
  }
  const full = makeRoom(draft, group, invitee);
  if (full !== undefined) return full;
  const expireTimeMs = draft.nowMs + lifetimeMs;
  draft.put(draft.rows.openInvitation, KEYS.openInvitation(group, invitee), {
    invitation: id,
    expireMs: expireTimeMs,
  });
  const purgeKey = KEYS.invitationPurge(expireTimeMs + KEPT_MS, group, id);
  draft.put(draft.rows.expiry, purgeKey, { keys: [], bytes: 0 });
  if (tells) {
    draft.postTo("calendars", invitee, {
      kind: "notice",
      user: invitee,
      type: "group-invitation",
      subject: invitationName(group, id),
      text: findGroup(draft, group)?.displayName ?? "",
    });
  }
  return write(draft, "created", {
    group,
    id,
    invitee,
    inviter: caller.user,
    role,
    rank,
    state: "pending",
    createTimeMs: draft.nowMs,
    expireTimeMs,
    revision: 0,
  });
}

/** Answered by whom it asks, revoked by who leads; once. */
export function settleInvitation(
  draft: Draft,
  caller: Caller,
  operation: SettleInvitation,
): Outcome {
  const { group, invitation: id, state } = operation;
  const name = invitationName(group, id);
  const before = draft.find(draft.rows.invitation, KEYS.invitation(group, id));
  if (state === "revoked") {
    const found = requireGroup(draft, caller, "invitation.revoke", group);
    if (found.kind === "refused") return found;
  } else {
    const facts = { kind: "user", user: before?.invitee ?? "" } as const;
    if (decide(caller, "invitation.answer", facts).kind === "deny") return refuseNotFound(name);
  }
  if (before === undefined || findGroup(draft, group) === undefined) return refuseNotFound(name);
  if (before.state !== "pending") {
    return refuse("failed-precondition", `${name} was ${before.state} before`);
  }
  if (before.expireTimeMs <= draft.nowMs)
    return refuse("failed-precondition", `${name} has expired`);
  if (state === "accepted") {
    const { invitee: user, role, rank } = before;
    const member = { group, user, role, rank, createTimeMs: draft.nowMs };
    const joined = joinGroup(draft, member);
    if (joined.kind === "refused") return joined;
  }
  draft.delete(KEYS.openInvitation(group, before.invitee));
  return write(draft, "updated", { ...before, state });
}

export function openInvitationsRange(group: string): KeyRange {
  return prefixRange(`gv/${group}`, OPEN_INVITATIONS_MAX);
}

/** Where the most are open, those that have expired give way. */
function makeRoom(draft: Draft, group: string, invitee: string): Refusal | undefined {
  const rows = draft.view.range(openInvitationsRange(group));
  if (rows.length < OPEN_INVITATIONS_MAX) return undefined;
  let open = 0;
  for (const { key, value } of rows) {
    const { expireMs } = draft.rows.openInvitation.decode(value);
    if (expireMs > draft.nowMs) open++;
    else if (key !== KEYS.openInvitation(group, invitee)) draft.delete(key);
  }
  if (open < OPEN_INVITATIONS_MAX) return undefined;
  return refuse(
    "failed-precondition",
    `groups/${group} has ${OPEN_INVITATIONS_MAX} open invitations, the most`,
  );
}

/** Heard by the group and by whom it asks. */
function write(draft: Draft, kind: ChangeKind, next: Invitation): Outcome {
  const invitation = { ...next, revision: draft.nextRevision };
  const { group, id, invitee, revision } = invitation;
  const name = invitationName(group, id);
  const resource = { kind: "invitation", invitation } as const;
  draft.put(draft.rows.invitation, KEYS.invitation(group, id), invitation);
  draft.change({
    kind,
    channel: `groups/${group}`,
    audience: [invitee],
    resourceName: name,
    resource,
  });
  return { kind: "done", name, revision, resource };
}

export function invitationName(group: string, invitation: string): string {
  return `groups/${group}/invitations/${invitation}`;
}
