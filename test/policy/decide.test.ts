import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { getExtension, hasExtension } from "@bufbuild/protobuf";
import type { DescFile } from "@bufbuild/protobuf";
import { file_cabildo_admin_v1_admin } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { file_cabildo_raft_v1_raft } from "../../gen/cabildo/raft/v1/raft_pb.js";
import { file_cabildo_shard_v1_shard } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { file_cabildo_v1_agenda } from "../../gen/cabildo/v1/agenda_pb.js";
import { file_cabildo_v1_auth } from "../../gen/cabildo/v1/auth_pb.js";
import { file_cabildo_v1_calendars } from "../../gen/cabildo/v1/calendars_pb.js";
import { file_cabildo_v1_events } from "../../gen/cabildo/v1/events_pb.js";
import { file_cabildo_v1_groups } from "../../gen/cabildo/v1/groups_pb.js";
import { file_cabildo_v1_notifications } from "../../gen/cabildo/v1/notifications_pb.js";
import { authorization } from "../../gen/cabildo/v1/options_pb.js";
import { file_cabildo_v1_subscriptions } from "../../gen/cabildo/v1/subscriptions_pb.js";
import { file_cabildo_v1_sync } from "../../gen/cabildo/v1/sync_pb.js";
import { file_cabildo_v1_users } from "../../gen/cabildo/v1/users_pb.js";
import type { Caller } from "../../src/domain/index.js";
import { calendarOwner, decide, isAction } from "../../src/policy/index.js";
import type { Action, Decision, Facts, Membership, Relation } from "../../src/policy/index.js";

const PROTOS = "proto/cabildo";
const FILES: readonly DescFile[] = [
  file_cabildo_admin_v1_admin,
  file_cabildo_raft_v1_raft,
  file_cabildo_shard_v1_shard,
  file_cabildo_v1_agenda,
  file_cabildo_v1_auth,
  file_cabildo_v1_calendars,
  file_cabildo_v1_events,
  file_cabildo_v1_groups,
  file_cabildo_v1_notifications,
  file_cabildo_v1_subscriptions,
  file_cabildo_v1_sync,
  file_cabildo_v1_users,
];

const ana: Caller = { kind: "user", user: "ana", sessionId: "s1", roles: [] };
const system: Caller = { kind: "system" };
const anonymous: Caller = { kind: "anonymous" };

const ALLOW: Decision = { kind: "allow" };
const HIDE: Decision = { kind: "deny", as: "not-found" };
const FORBID: Decision = { kind: "deny", as: "permission-denied" };

function calendar(key: string, relation?: Relation, membership?: Membership): Facts {
  const owner = calendarOwner(key);
  return { kind: "calendar", owner, membership, ...(relation === undefined ? {} : { relation }) };
}

describe("the table of rights", () => {
  const methods = FILES.flatMap((file) => file.services.flatMap((service) => service.methods));

  it("is asked for every method of our protos", () => {
    const protos = readdirSync(PROTOS, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".proto"))
      .map((file) => readFileSync(join(PROTOS, file), "utf8"));
    const declared = protos.flatMap((text) => text.match(/^ {2}rpc /gmu) ?? []);
    expect(methods.length).equals(declared.length);
  });

  for (const method of methods) {
    it(`has a row for ${method.parent.name}.${method.name}`, () => {
      const options = method.proto.options;
      expect(options !== undefined && hasExtension(options, authorization)).equals(true);
      if (options === undefined) return;
      expect(isAction(getExtension(options, authorization).action)).equals(true);
    });
  }

  it("has no row for what it was not told", () => {
    expect(isAction("event.teleport")).equals(false);
    expect(isAction("toString")).equals(false);
  });
});

describe("a calendar key", () => {
  it("names its owner", () => {
    expect(calendarOwner("ana")).deep.equals({ kind: "user", user: "ana" });
    expect(calendarOwner("ana.work")).deep.equals({ kind: "user", user: "ana" });
    expect(calendarOwner("choir.group")).deep.equals({ kind: "group", group: "choir" });
  });

  for (const key of ["", ".", "ana.", ".work", "ana.work.x", "Ana", "ana-", "1a", "ana/x", "ñ"]) {
    it(`is not ${JSON.stringify(key)}`, () => {
      expect(calendarOwner(key)).equals(undefined);
    });
  }
});

const MEMBER: Membership = { role: "member", rank: 1 };
const OBSERVER: Membership = { role: "observer", rank: 100 };

describe("a decision", () => {
  const cases: readonly (readonly [string, Caller, Action, Facts, Decision])[] = [
    ["an owner writes", ana, "event.create", calendar("ana", "owner"), ALLOW],
    ["a further calendar", ana, "event.update", calendar("ana.work", "owner"), ALLOW],
    ["strangers see no calendar", ana, "event.create", calendar("bea", "stranger"), HIDE],
    ["nor what is in it", ana, "event.list", calendar("bea.work", "stranger"), HIDE],
    ["but for what is open to all", ana, "event.get", calendar("bea.work", "stranger"), ALLOW],
    ["readers do not write", ana, "event.create", calendar("bea", "reader"), FORBID],
    ["nor superiors", ana, "event.update", calendar("bea", "superior"), FORBID],
    ["members write", ana, "event.create", calendar("a.group", "reader", MEMBER), ALLOW],
    ["observers do not", ana, "event.create", calendar("a.group", "reader", OBSERVER), FORBID],
    ["who reads a group's does not", ana, "event.create", calendar("a.group", "reader"), FORBID],
    ["readers read", ana, "calendar.get", calendar("bea", "reader"), ALLOW],
    ["and do not manage", ana, "calendar.update", calendar("bea", "reader"), FORBID],
    ["nobody makes others' calendars", ana, "calendar.create", calendar("bea.work"), HIDE],
    ["what is not known yet is decided later", ana, "event.list", calendar("bea"), ALLOW],
    ["no key, no calendar", ana, "event.list", calendar("-"), HIDE],
    ["the nameless own nothing", anonymous, "event.list", calendar("ana"), HIDE],
    ["anyone registers", anonymous, "auth.register", { kind: "none" }, ALLOW],
    ["the cluster opens sessions", system, "session.create", { kind: "none" }, ALLOW],
    ["a user opens none", ana, "session.create", { kind: "user", user: "ana" }, FORBID],
    ["a user reads no credentials", ana, "credentials.get", { kind: "none" }, FORBID],
    ["one ends one's session", ana, "session.revoke", { kind: "user", user: "ana" }, ALLOW],
    ["not another's", ana, "session.revoke", { kind: "user", user: "bea" }, HIDE],
    ["one watches oneself", ana, "channel.watch", { kind: "user", user: "ana" }, ALLOW],
    ["not another", ana, "channel.watch", { kind: "user", user: "bea" }, HIDE],
    ["an owner watches", ana, "channel.watch", calendar("ana.work"), ALLOW],
    ["others do not", ana, "channel.watch", calendar("bea"), HIDE],
    ["nothing is nobody's channel", ana, "channel.watch", { kind: "none" }, HIDE],
    ["one answers where one is invited", ana, "event.respond", calendar("ana"), ALLOW],
    ["not for others", ana, "event.respond", calendar("bea"), HIDE],
    ["nor does the cluster", system, "event.respond", calendar("ana"), HIDE],
    ["a user may own something", ana, "event.create", { kind: "unknown" }, ALLOW],
    ["the nameless may not", anonymous, "event.create", { kind: "unknown" }, HIDE],
    ["users see no cluster", ana, "cluster.status", { kind: "none" }, FORBID],
    ["operators do", { ...ana, roles: ["operator"] }, "cluster.status", { kind: "none" }, ALLOW],
    ["auditors audit", { ...ana, roles: ["auditor"] }, "audit.list", { kind: "none" }, ALLOW],
    ["operators do not", { ...ana, roles: ["operator"] }, "audit.list", { kind: "none" }, FORBID],
  ];
  for (const [title, caller, action, facts, expected] of cases) {
    it(`${title}: ${action}`, () => {
      expect(decide(caller, action, facts)).deep.equals(expected);
    });
  }
});

describe("a member", () => {
  const facts = (role: "leader" | "deputy" | "member" | "observer", rank: number): Facts => ({
    kind: "group",
    membership: { role, rank: 50 },
    rank,
  });

  it("sees the group", () => {
    expect(decide(ana, "group.get", facts("observer", 0))).deep.equals(ALLOW);
    expect(decide(ana, "channel.watch", facts("member", 0))).deep.equals(ALLOW);
  });

  it("is the only one who does", () => {
    const outside: Facts = { kind: "group", membership: undefined };
    expect(decide(ana, "group.get", outside)).deep.equals(HIDE);
    expect(decide(ana, "channel.watch", outside)).deep.equals(HIDE);
    expect(decide(ana, "member.add", outside)).deep.equals(HIDE);
  });

  it("adds those of a strictly lower rank as leader or deputy", () => {
    expect(decide(ana, "member.add", facts("leader", 49))).deep.equals(ALLOW);
    expect(decide(ana, "member.add", facts("deputy", 49))).deep.equals(ALLOW);
    expect(decide(ana, "member.add", facts("deputy", 50))).deep.equals(FORBID);
    expect(decide(ana, "member.add", facts("member", 0))).deep.equals(FORBID);
    expect(decide(ana, "member.add", facts("observer", 0))).deep.equals(FORBID);
  });
});
