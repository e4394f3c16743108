import { expect } from "chai";
import type { Message, Ready } from "../../src/raft/index.js";
import { holdVotes } from "../../src/runtime/held-votes.js";

const vote: Message = {
  kind: "vote",
  from: 1,
  to: 2,
  term: 5,
  lastIndex: 3,
  lastTerm: 4,
  transfer: false,
};
const own: Message = { kind: "vote-response", from: 1, to: 1, term: 5, reject: false };
const question: Message = { ...vote, kind: "pre-vote" };
const work = { entries: [], responses: [own], mustSync: true };

function ready(messages: readonly Message[], append: Ready["append"]): Ready {
  return { readStates: [], messages, ...(append === undefined ? {} : { append }) };
}

describe("a candidate", () => {
  it("asks for votes only when its term and its own vote are durable", () => {
    const hardState = { term: 5, vote: 1, commit: 3 };
    const held = holdVotes(ready([vote, { ...vote, to: 3 }], { ...work, hardState }));
    expect(held.messages).to.deep.equal([]);
    expect(held.append?.responses).to.deep.equal([own, vote, { ...vote, to: 3 }]);
  });

  it("asks at once whether it could win", () => {
    const given = ready([question], work);
    expect(holdVotes(given).messages).to.deep.equal([question]);
  });
});
