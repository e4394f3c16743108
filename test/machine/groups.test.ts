import { expect } from "chai";
import type { MemberRole, Operation } from "../../src/domain/index.js";
import { ANONYMOUS, userCaller } from "../support/agenda.js";
import { AgendaShard } from "../support/agenda-shard.js";

const ana = userCaller("ana");
const FOUND: Extract<Operation, { kind: "create-group" }> = {
  kind: "create-group",
  group: "choir",
  uid: "uid",
  displayName: "Choir",
  groupKind: "hierarchical",
  parent: "",
};

function add(user: string, role: MemberRole, rank: number): Operation {
  return { kind: "add-member", group: "choir", user, role, rank };
}

describe("a group", () => {
  let shard: AgendaShard;
  beforeEach(() => {
    shard = new AgendaShard();
    shard.done(ana, FOUND);
  });

  it("is led by its founder", () => {
    const question = { kind: "get-member", group: "choir", user: "ana" } as const;
    const { member } = shard.ask(ana, question, "member");
    expect(member).to.include({ role: "leader", rank: 100, revision: 2 });
  });

  it("reports itself and its founder", () => {
    const { reply, changes } = shard.run(ana, { ...FOUND, group: "board" });
    expect(reply).to.include({ name: "groups/board", revision: 3, sequence: 4 });
    expect(changes.map((c) => [c.channel, c.resourceName, c.audience, c.revision])).deep.equals([
      ["groups/board", "groups/board", ["ana"], 3],
      ["groups/board", "groups/board/members/ana", ["ana"], 4],
    ]);
  });

  it("never has the id of another", () => {
    shard.refused(userCaller("bea"), FOUND, "already-exists");
  });

  it("is founded by users", () => {
    shard.refused(ANONYMOUS, { ...FOUND, group: "board" }, "permission-denied");
  });

  it("grows from above", () => {
    shard.refused(ana, add("bea", "deputy", 100), "permission-denied");
    shard.done(ana, add("bea", "deputy", 50));
    shard.done(userCaller("bea"), add("carl", "member", 49));
    shard.refused(userCaller("bea"), add("dora", "member", 50), "permission-denied");
    shard.refused(userCaller("carl"), add("dora", "member", 0), "permission-denied");
    shard.refused(ana, add("carl", "member", 1), "already-exists");
  });

  it("tells the one who was added", () => {
    const { changes } = shard.run(ana, add("bea", "member", 1));
    expect(changes).to.have.lengthOf(1);
    expect(changes[0]).to.deep.include({
      kind: "created",
      channel: "groups/choir",
      audience: ["bea"],
      resourceName: "groups/choir/members/bea",
    });
  });

  it("does not exist for those outside", () => {
    const eve = userCaller("eve");
    const hidden = shard.refused(eve, add("eve", "member", 0), "not-found");
    const absent = { ...add("eve", "member", 0), group: "choir" };
    const nowhere = new AgendaShard().refused(eve, absent, "not-found");
    expect(hidden).equals(nowhere);
    const questions = [
      { kind: "get-group", group: "choir" },
      { kind: "get-member", group: "choir", user: "ana" },
      { kind: "list-members", group: "choir", pageSize: 10, after: "" },
    ] as const;
    for (const question of questions) {
      const here = shard.query(eve, question);
      expect(here).to.include({ kind: "refused", code: "not-found" });
      expect(new AgendaShard().query(eve, question)).deep.equals(here);
    }
  });

  it("lists its members page by page, though some come meanwhile", () => {
    for (const user of ["f", "b", "d"]) shard.done(ana, add(user, "member", 1));
    const list = (after: string): { users: string[]; next: string } => {
      const question = { kind: "list-members", group: "choir", pageSize: 2, after } as const;
      const { members, next } = shard.ask(ana, question, "members");
      return { users: members.map(({ user }) => user), next };
    };
    expect(list("")).deep.equals({ users: ["ana", "b"], next: "b" });
    shard.done(ana, add("a", "member", 1));
    shard.done(ana, add("c", "member", 1));
    expect(list("b")).deep.equals({ users: ["c", "d"], next: "d" });
    expect(list("d")).deep.equals({ users: ["f"], next: "" });
  });

  it("has 500 members at most", () => {
    for (let i = 1; i < 500; i++) shard.done(ana, add(`m${i}`, "member", 1));
    shard.refused(ana, add("last", "member", 1), "failed-precondition");
  });
});
