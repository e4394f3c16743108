import { expect } from "chai";
import type { Message, RaftGroup } from "../../src/raft/index.js";
import type { IncomingSnapshot } from "../../src/runtime/index.js";
import { SnapshotInstall } from "../../src/runtime/snapshot-install.js";
import { MEMBERS } from "../storage/samples.js";

const COMMIT = 19;

describe("a replica that is offered a snapshot", () => {
  let stepped: Message[];
  let install: SnapshotInstall;

  beforeEach(() => {
    stepped = [];
    const group: Pick<RaftGroup, "status" | "step"> = {
      status: () => ({ term: 3, commit: COMMIT }) as ReturnType<RaftGroup["status"]>,
      step: (message) => {
        stepped.push(message);
        return { kind: "ok" };
      },
    };
    install = new SnapshotInstall(group as RaftGroup);
  });

  const offered = (index: number): IncomingSnapshot => ({
    ...{ shard: 1, from: 1, to: 2, term: 3, snapshotId: String(index) },
    ...{ index, indexTerm: 2, confState: MEMBERS },
  });

  it("takes none of what it has, and has the core tell the leader that", () => {
    expect(install.wants(offered(COMMIT))).to.equal(false);
    install.answerIfKnown(offered(COMMIT));
    const meta = { index: COMMIT, term: 2, confState: MEMBERS };
    expect(stepped).to.deep.equal([
      { kind: "snapshot", from: 1, to: 2, term: 3, snapshot: { meta, data: new Uint8Array() } },
    ]);
  });

  it("shows the core nothing of what is news before its rows are here", () => {
    expect(install.wants(offered(COMMIT + 1))).to.equal(true);
    install.answerIfKnown(offered(COMMIT + 1));
    expect(stepped).to.deep.equal([]);
  });
});
