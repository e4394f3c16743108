import type { Caller, ClusterRole, MemberRole } from "../domain/index.js";
import type { Decision } from "./decide.js";
import type { Facts } from "./facts.js";
import type { Relation } from "./privacy.js";

type Rule = (caller: Caller, facts: Facts) => Decision;

const ALLOW: Decision = { kind: "allow" };
const HIDE: Decision = { kind: "deny", as: "not-found" };
const FORBID: Decision = { kind: "deny", as: "permission-denied" };

const anyone: Rule = () => ALLOW;
const system: Rule = (caller) => (caller.kind === "system" ? ALLOW : FORBID);
const signedIn: Rule = (caller) => (caller.kind === "user" ? ALLOW : FORBID);

const role =
  (...roles: readonly ClusterRole[]): Rule =>
  (caller) =>
    caller.kind === "user" && caller.roles.some((held) => roles.includes(held)) ? ALLOW : FORBID;

/** The system may do what the rule allows to users. */
const orSystem =
  (rule: Rule): Rule =>
  (caller, facts) =>
    caller.kind === "system" ? ALLOW : rule(caller, facts);

/** The object is the caller, or something of the caller's: for anyone else there is nothing. */
const self: Rule = (caller, facts) => {
  if (caller.kind !== "user") return HIDE;
  if (facts.kind === "unknown") return ALLOW;
  return facts.kind === "user" && facts.user === caller.user ? ALLOW : HIDE;
};

/** The caller's own calendar: any other does not exist, not even a group's. */
const owner: Rule = (caller, facts) => {
  if (caller.kind !== "user") return HIDE;
  if (facts.kind === "unknown") return ALLOW;
  if (facts.kind !== "calendar" || facts.owner?.kind !== "user") return HIDE;
  return facts.owner.user === caller.user ? ALLOW : HIDE;
};

/** Of a calendar, once it is known what the caller is to it: before, only what is no calendar at all is hidden. */
const related =
  (rule: (relation: Relation, facts: Facts & { readonly kind: "calendar" }) => Decision): Rule =>
  (caller, facts) => {
    if (caller.kind !== "user") return HIDE;
    if (facts.kind === "unknown") return ALLOW;
    if (facts.kind !== "calendar" || facts.owner === undefined) return HIDE;
    return facts.relation === undefined ? ALLOW : rule(facts.relation, facts);
  };

/** Whoever may see anything in a calendar. What of each event, says the table of privacy. */
const beholder = related((relation) => (relation === "stranger" ? HIDE : ALLOW));
/** A single event may be open to everyone. */
const anyBeholder = related(() => ALLOW);
/** Those who see that there is a calendar, but may not do this, are told so. */
const manager = related((relation) => {
  if (relation === "owner") return ALLOW;
  return relation === "stranger" ? HIDE : FORBID;
});
/** A user writes in calendars of their own, a group's members but for observers in the group's. */
const writer = related((relation, { owner: of, membership }) => {
  if (relation === "stranger") return HIDE;
  const writes =
    of?.kind === "group"
      ? membership !== undefined && membership.role !== "observer"
      : relation === "owner";
  return writes ? ALLOW : FORBID;
});

/** Administrators see and change what is not theirs. */
const orAdmin =
  (rule: Rule): Rule =>
  (caller, facts) =>
    role("admin")(caller, facts).kind === "allow" ? ALLOW : rule(caller, facts);

const member: Rule = (caller, facts) => {
  if (caller.kind !== "user") return HIDE;
  if (facts.kind === "unknown") return ALLOW;
  return facts.kind === "group" && facts.membership !== undefined ? ALLOW : HIDE;
};

/** A leader or deputy who ranks strictly higher than the member whom it is about. */
const superior: Rule = (caller, facts) => {
  const seen = member(caller, facts);
  if (seen.kind === "deny" || facts.kind !== "group" || facts.membership === undefined) return seen;
  const { membership, rank } = facts;
  const leads = membership.role === "leader" || membership.role === "deputy";
  return leads && rank !== undefined && membership.rank > rank ? ALLOW : FORBID;
};

const among =
  (...roles: readonly MemberRole[]): Rule =>
  (caller, facts) => {
    const seen = member(caller, facts);
    if (seen.kind === "deny" || facts.kind !== "group") return seen;
    return roles.some((held) => held === facts.membership?.role) ? ALLOW : FORBID;
  };
const leads = among("leader", "deputy");
const leader = among("leader");

const operator = role("admin", "operator");

/**
 * A channel is watched by whom it belongs to, that of a calendar by its readers too, that of the cluster by operators.
 * Superiors and peers look, and do not listen: whose they are changes with every place in a tree of groups.
 */
const watcher: Rule = (caller, facts) => {
  switch (facts.kind) {
    case "calendar": {
      const decision = owner(caller, facts);
      if (decision.kind === "allow") return decision;
      const hears = facts.relation === "owner" || facts.relation === "reader";
      return caller.kind === "user" && facts.owner !== undefined && hears ? ALLOW : HIDE;
    }
    case "user":
      return self(caller, facts);
    case "group":
      return member(caller, facts);
    case "none":
      // The cluster itself.
      return operator(caller, facts).kind === "allow" ? ALLOW : HIDE;
    case "unknown":
      return caller.kind === "user" ? ALLOW : HIDE;
  }
};

/**
 * The one table of rights. Actions are named in the `authorization` options of the protos, the last
 * ones by the machine alone. What has no row is refused.
 */
export const RIGHTS = {
  "auth.register": anyone,
  "auth.login": anyone,
  "auth.refresh": anyone,
  "auth.reset-password": anyone,

  "user.get": orSystem(signedIn),
  "user.get-details": orSystem(orAdmin(self)),
  "user.change-password": orSystem(self),
  "user.update": self,
  "user.find": orSystem(signedIn),
  "user.disable": role("admin"),
  "user.enable": role("admin"),
  "user.delete": orAdmin(self),
  "user.set-cluster-roles": role("admin"),
  "user.issue-reset-code": orSystem(operator),
  "user.undelete": role("admin"),

  "subscriptions.get": self,
  "subscriptions.update": self,

  "session.list": self,
  "session.revoke": orSystem(self),

  "group.create": signedIn,
  "group.get": orSystem(member),
  "group.list": signedIn,
  "group.update": leads,
  "group.delete": leader,
  "group.undelete": leader,
  "group.leave": member,
  "group.transfer-leadership": leader,

  "member.add": superior,
  "member.list": orSystem(member),
  "member.update": superior,
  "member.remove": superior,

  "invitation.create": superior,
  "invitation.list": member,
  "invitation.answer": self,
  "invitation.revoke": leads,

  "calendar.get": beholder,
  "calendar.list": signedIn,
  "calendar.create": owner,
  "calendar.delete": owner,
  "calendar.update": manager,
  "calendar.share": manager,

  "event.create": writer,
  "event.get": anyBeholder,
  "event.list": beholder,
  "event.update": writer,
  "event.delete": writer,
  "event.undelete": writer,
  "event.cancel": writer,
  "event.respond": owner,

  "agenda.list": anyBeholder,
  "agenda.free-busy": anyBeholder,
  "agenda.suggest": signedIn,

  "notification.list": self,
  "notification.update": self,

  "channel.watch": watcher,

  "live.inspect": operator,
  "live.may": operator,
  "live.trace": operator,

  "cluster.status": orSystem(operator),
  "cluster.transfer-leader": operator,
  "cluster.change-members": operator,
  "cluster.compact": operator,
  "cluster.backup": operator,
  "audit.list": orSystem(role("admin", "auditor")),

  "session.create": system,
  "login-failure.record": system,
  "login-throttle.get": system,
  "session.rotate": system,
  "session.get": system,
  "credentials.get": system,
  "cluster-keys.create": system,
  "cluster-keys.get": system,
  "cluster-keys.rotate": system,
  "range-map.get": system,
  "range-map.publish": system,
  "shard.sweep": system,
  "audit.record": system,
  "audit.sign": system,
  "audit.prune": orSystem(role("admin")),
  "series.extend": system,
  "outbox.deliver": system,
  "outbox.settle": system,
  "outbox.list": system,
  "reminders.fire": system,

  "raft.take-part": system,
  "shard.execute": system,
  "shard.follow": system,
  "shard.status": system,
} as const satisfies Record<string, Rule>;

export type Action = keyof typeof RIGHTS;
