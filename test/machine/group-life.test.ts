import { expect } from "chai";
import type { Member, MemberRole, Operation } from "../../src/domain/index.js";
import { DAY_MS, HOUR_MS, SYSTEM, userCaller } from "../support/agenda.js";
import { AgendaCluster } from "../support/agenda-cluster.js";
import { AgendaShard } from "../support/agenda-shard.js";

const ana = userCaller("ana");
const bea = userCaller("bea");
const carl = userCaller("carl");

function found(group: string, parent = ""): Operation {
  const head = { kind: "create-group", group, uid: "uid", displayName: group } as const;
  return { ...head, groupKind: "hierarchical", parent };
}

function add(user: string, role: MemberRole, rank: number, group = "choir"): Operation {
  return { kind: "add-member", group, user, role, rank };
}

function change(user: string, role: MemberRole, rank: number, group = "choir"): Operation {
  const fields = ["role", "rank"] as const;
  return { kind: "update-member", group, user, role, rank, fields, etag: "" };
}

function remove(user: string, group = "choir"): Operation {
  return { kind: "remove-member", group, user };
}

function deleted(group: string, to = true): Operation {
  return { kind: "set-group-deleted", group, deleted: to, etag: "" };
}

function invitationId(n: number): string {
  return `i${String(n).padStart(26, "0")}`;
}

function invite(n: number, invitee: string, rank = 10): Operation {
  return {
    kind: "create-invitation",
    group: "choir",
    invitation: invitationId(n),
    invitee,
    role: "member",
    rank,
    lifetimeMs: DAY_MS,
    tells: true,
  };
}

function settle(n: number, state: "accepted" | "declined" | "revoked"): Operation {
  return { kind: "settle-invitation", group: "choir", invitation: invitationId(n), state };
}

describe("a group", () => {
  let shard: AgendaShard;
  const membersOf = (group = "choir", as = ana): readonly Member[] => {
    const question = { kind: "list-members", group, pageSize: 50, after: "" } as const;
    return shard.ask(as, question, "members").members;
  };
  const placeOf = (user: string, group = "choir", as = ana) => {
    const found = membersOf(group, as).find((member) => member.user === user);
    return found === undefined ? undefined : [found.role, found.rank];
  };

  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ana, found("choir"));
    shard.done(ana, add("bea", "deputy", 50));
    shard.done(ana, add("carl", "member", 50));
  });

  describe("whose member changes", () => {
    it("lets a strictly higher rank change it, and nobody else", () => {
      shard.refused(bea, change("carl", "member", 20), "permission-denied");
      shard.refused(carl, change("carl", "deputy", 50), "permission-denied");
      shard.done(ana, change("carl", "member", 20));
      shard.done(bea, change("carl", "deputy", 30));
      expect(placeOf("carl")).deep.equals(["deputy", 30]);
      shard.refused(bea, change("carl", "deputy", 50), "permission-denied");
    });

    it("lets leaders alone make leaders", () => {
      shard.refused(bea, add("dora", "leader", 1), "permission-denied");
      shard.done(ana, add("dora", "leader", 1));
    });

    it("takes nobody out but from above", () => {
      shard.refused(bea, remove("carl"), "permission-denied");
      shard.refused(bea, remove("ana"), "permission-denied");
      shard.done(ana, remove("carl"));
      expect(placeOf("carl")).equals(undefined);
      shard.refused(carl, remove("bea"), "not-found");
    });
  });

  describe("that loses its last leader", () => {
    it("is led by the highest rank, of several by the one who came first", () => {
      shard.nowMs += HOUR_MS;
      shard.done(ana, add("abel", "member", 50));
      shard.done(ana, remove("ana"));
      expect(placeOf("bea", "choir", bea)).deep.equals(["leader", 50]);
      shard.done(bea, remove("bea"));
      expect(placeOf("carl", "choir", carl)).deep.equals(["leader", 50]);
    });

    it("keeps a leader who is left", () => {
      shard.done(ana, add("dora", "leader", 1));
      shard.done(ana, remove("ana"));
      expect(placeOf("bea", "choir", bea)).deep.equals(["deputy", 50]);
    });

    it("prefers those who take part to those who watch", () => {
      shard.done(ana, remove("bea"));
      shard.done(ana, change("carl", "observer", 60));
      shard.done(ana, add("dora", "member", 1));
      shard.done(ana, remove("ana"));
      expect(placeOf("dora", "choir", carl)).deep.equals(["leader", 1]);
    });

    it("is deleted when nobody is left", () => {
      for (const user of ["bea", "carl"]) shard.done(userCaller(user), remove(user));
      const { changes } = shard.run(ana, remove("ana"));
      expect(changes.map(({ kind, resourceName }) => [kind, resourceName])).deep.equals([
        ["deleted", "groups/choir/members/ana"],
        ["deleted", "groups/choir"],
      ]);
      shard.refused(ana, found("choir"), "already-exists");
    });

    it("does not lose it by a demotion", () => {
      shard.done(ana, add("dora", "leader", 1));
      shard.done(ana, change("dora", "member", 1));
      expect(placeOf("ana")).deep.equals(["leader", 100]);
    });
  });

  it("passes leadership on, with the rank that goes with it", () => {
    const to = (successor: string): Operation => ({
      kind: "transfer-leadership",
      group: "choir",
      successor,
    });
    shard.refused(bea, to("bea"), "permission-denied");
    shard.refused(ana, to("eve"), "not-found");
    shard.done(ana, to("carl"));
    expect(placeOf("carl")).deep.equals(["leader", 100]);
    expect(placeOf("ana")).deep.equals(["deputy", 99]);
  });

  describe("below another", () => {
    beforeEach(() => {
      shard.done(ana, found("tenors", "choir"));
    });

    it("has the members of the one above, with the place that they have there", () => {
      expect(membersOf("tenors", bea).map(({ user, group }) => [user, group])).deep.equals([
        ["ana", "tenors"],
        ["bea", "choir"],
        ["carl", "choir"],
      ]);
      shard.done(bea, add("dora", "member", 1, "tenors"));
      shard.refused(carl, add("eve", "member", 1, "tenors"), "permission-denied");
    });

    it("may give them another place of its own", () => {
      shard.done(ana, add("carl", "deputy", 70, "tenors"));
      expect(placeOf("carl", "tenors")).deep.equals(["deputy", 70]);
      expect(placeOf("carl")).deep.equals(["member", 50]);
    });

    it("is never above itself", () => {
      const move: Operation = {
        kind: "update-group",
        group: "choir",
        displayName: "",
        parent: "tenors",
        fields: ["parent"],
        etag: "",
      };
      shard.refused(ana, move, "failed-precondition");
      shard.done(ana, { ...move, group: "tenors", parent: "" });
      shard.done(ana, move);
    });

    it("takes those below it with it, as far down as groups may be", () => {
      const move = (group: string, parent: string): Operation => {
        const fields = ["parent"] as const;
        return { kind: "update-group", group, displayName: "", parent, fields, etag: "" };
      };
      const chain = (name: string, length: number): void => {
        for (let level = 0; level < length; level++) {
          shard.done(ana, found(`${name}${level}`, level === 0 ? "" : `${name}${level - 1}`));
        }
      };
      chain("a", 5);
      chain("b", 4);
      expect(shard.refused(ana, move("b0", "a4"), "failed-precondition")).to.include("at most 7");
      shard.done(ana, move("b0", "a3"));
      shard.done(ana, add("zoe", "member", 1, "a0"));
      expect(placeOf("zoe", "b3")).deep.equals(["member", 1]);
      shard.refused(ana, found("c", "b3"), "failed-precondition");
    });

    it("is put there by who leads both", () => {
      shard.done(carl, found("band"));
      const move: Operation = {
        kind: "update-group",
        group: "band",
        displayName: "",
        parent: "choir",
        fields: ["parent"],
        etag: "",
      };
      shard.refused(carl, move, "permission-denied");
      shard.refused(ana, move, "not-found");
    });

    it("keeps the one above from being deleted", () => {
      shard.refused(ana, deleted("choir"), "failed-precondition");
      shard.done(ana, deleted("tenors"));
    });

    it("is at most the eighth", () => {
      const line = ["tenors", ...Array.from({ length: 6 }, (_, i) => `deep-${i}`)];
      line.slice(1).forEach((group, i) => shard.done(ana, found(group, line[i])));
      shard.refused(ana, found("too-deep", "deep-5"), "failed-precondition");
    });
  });

  it("can be had back with its members until it is purged, and its id never again", () => {
    shard.refused(bea, deleted("choir"), "permission-denied");
    shard.done(ana, deleted("choir"));
    shard.refused(bea, add("dora", "member", 1), "not-found");
    shard.done(ana, deleted("choir", false));
    expect(membersOf().map(({ user }) => user)).deep.equals(["ana", "bea", "carl"]);
    shard.done(ana, deleted("choir"));
    shard.nowMs += 31 * DAY_MS;
    shard.done(SYSTEM, { kind: "sweep", limit: 100, trimFeedTo: 0 });
    shard.refused(ana, deleted("choir", false), "not-found");
    shard.refused(ana, found("choir"), "already-exists");
    const left = shard.memory.state.rows().map(({ key }) => key.slice(0, 3));
    expect(left.filter((prefix) => ["gr/", "gm/", "gu/", "gc/"].includes(prefix))).deep.equals([]);
  });

  it("is one of 200 of a user at most", () => {
    for (let i = 1; i < 200; i++) shard.done(ana, found(`group-${i}`));
    shard.refused(ana, found("one-more"), "failed-precondition");
    shard.done(bea, found("band"));
    shard.refused(bea, add("ana", "member", 1, "band"), "failed-precondition");
  });

  it("is listed for its members, page by page, until it is deleted", () => {
    for (const group of ["band", "dance"]) shard.done(bea, found(group));
    const list = (after: string) => {
      const question = { kind: "list-groups", pageSize: 2, after } as const;
      const { groups, next } = shard.ask(bea, question, "groups");
      return [groups.map(({ id }) => id), next];
    };
    expect(list("")).deep.equals([["band", "choir"], "choir"]);
    expect(list("choir")).deep.equals([["dance"], ""]);
    shard.done(ana, deleted("choir"));
    expect(list("")).deep.equals([["band", "dance"], ""]);
  });

  describe("that invites", () => {
    it("has a member more once it is accepted, and only then", () => {
      shard.done(ana, invite(1, "dora"));
      expect(placeOf("dora")).equals(undefined);
      shard.done(userCaller("dora"), settle(1, "accepted"));
      expect(placeOf("dora")).deep.equals(["member", 10]);
      shard.refused(userCaller("dora"), settle(1, "declined"), "failed-precondition");
    });

    it("asks nobody twice at a time, and members never", () => {
      shard.done(ana, invite(1, "dora"));
      shard.refused(ana, invite(2, "dora"), "already-exists");
      shard.refused(ana, invite(3, "carl"), "already-exists");
      shard.done(userCaller("dora"), settle(1, "declined"));
      shard.done(ana, invite(2, "dora"));
    });

    it("lets only those answer whom it asks, and only those revoke who lead", () => {
      shard.done(ana, invite(1, "dora"));
      shard.refused(userCaller("eve"), settle(1, "accepted"), "not-found");
      shard.refused(ana, settle(1, "accepted"), "not-found");
      shard.refused(carl, settle(1, "revoked"), "permission-denied");
      shard.refused(userCaller("dora"), settle(1, "revoked"), "not-found");
      shard.done(bea, settle(1, "revoked"));
      shard.refused(userCaller("dora"), settle(1, "accepted"), "failed-precondition");
    });

    it("gives no rank that the inviter does not stand above", () => {
      shard.refused(bea, invite(1, "dora", 50), "permission-denied");
      shard.refused(carl, invite(1, "dora", 1), "permission-denied");
      shard.done(bea, invite(1, "dora", 49));
    });

    it("waits no longer than it said", () => {
      shard.done(ana, invite(1, "dora"));
      shard.nowMs += DAY_MS;
      shard.refused(userCaller("dora"), settle(1, "accepted"), "failed-precondition");
      shard.done(ana, invite(2, "dora"));
      shard.done(userCaller("dora"), settle(2, "accepted"));
    });

    it("has 500 open at most, of which the expired give way", () => {
      for (let i = 1; i <= 500; i++) shard.done(ana, invite(i, `user-${i}`));
      shard.refused(ana, invite(501, "dora"), "failed-precondition");
      shard.nowMs += DAY_MS;
      shard.done(ana, invite(502, "dora"));
    });

    it("shows it to whom it asks and to members, to nobody else", () => {
      shard.done(ana, invite(1, "dora"));
      const question = {
        kind: "get-invitation",
        group: "choir",
        invitation: invitationId(1),
      } as const;
      shard.ask(userCaller("dora"), question, "invitation");
      shard.ask(carl, question, "invitation");
      expect(shard.query(userCaller("eve"), question)).to.include({ code: "not-found" });
    });
  });

  it("tells whom it asks where they find it later, once, and by its name", () => {
    const cluster = new AgendaCluster();
    cluster.group("ana", { ...found("choir"), displayName: "The choir" } as Operation);
    cluster.carry();
    expect(cluster.group("ana", invite(1, "zoe")).kind).to.equal("done");
    cluster.carry();
    const question = { kind: "list-notifications", user: "zoe", pageSize: 50, after: "" } as const;
    const { notifications } = cluster
      .at("calendars", "zoe")
      .ask(userCaller("zoe"), { ...question, unreadOnly: false }, "notifications");
    expect(notifications.map(({ type, subject, text }) => [type, subject, text])).to.deep.equal([
      ["group-invitation", `groups/choir/invitations/${invitationId(1)}`, "The choir"],
    ]);
  });
});
