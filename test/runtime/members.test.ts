import { expect } from "chai";
import { encodeMember, memberWrites, Members } from "../../src/runtime/members.js";
import type { Member } from "../../src/runtime/members.js";

const PLAIN: Member = { replica: 65_540, node: "node-4", address: "node-4:7100", storeId: "s4" };
const APART: Member = { ...PLAIN, raftAddress: "node-4.raft:7000" };

describe("the rows of who joined a group", () => {
  const applied = (member: Member): readonly Member[] => {
    const learned: Member[] = [];
    const context = encodeMember(member);
    const changes = [{ kind: "add-learner", replica: member.replica }] as const;
    new Members({
      formed: () => "",
      joined: (one) => learned.push(one),
      removed: () => undefined,
    }).applied(memberWrites({ transition: "auto", changes, context }));
    return learned;
  };

  it("say where a node is, and where it speaks Raft if that is elsewhere", () => {
    expect(applied(PLAIN)).to.deep.equal([PLAIN]);
    expect(applied(APART)).to.deep.equal([APART]);
  });

  it("are what they were before nodes could be apart", () => {
    const text = Buffer.from(encodeMember(PLAIN)).toString();
    expect(text).to.equal('[65540,"node-4","node-4:7100","s4"]');
  });
});
