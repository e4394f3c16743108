import { expect } from "chai";
import type { Message, RaftGroup } from "../../src/raft/index.js";
import type { IncomingSnapshot } from "../../src/runtime/index.js";
import { SnapshotInstall } from "../../src/runtime/snapshot-install.js";
import { MEMBERS } from "../storage/samples.js";

const COMMIT = 19;

describe("a replica that is offered a snapshot", () => {
  let stepped: Message[];
  const installOf = (isNeeded: boolean): SnapshotInstall => {
    const group: Pick<RaftGroup, "status" | "step"> = {
      status: () => ({ term: 3, commit: COMMIT }) as ReturnType<RaftGroup["status"]>,
      step: (message) => {
        stepped.push(message);
        return { kind: "ok" };
      },
    };
    return new SnapshotInstall({
      ...{ group: group as RaftGroup, isNeeded, featureLevel: 1 },
      process: () => false,
      changed: () => undefined,
      failed: (error) => {
        throw error;
      },
    });
  };
  let install: SnapshotInstall;

  beforeEach(() => {
    stepped = [];
    install = installOf(false);
  });

  const offered = (index: number): IncomingSnapshot => ({
    ...{ shard: 1, from: 1, to: 2, term: 3, snapshotId: String(index) },
    ...{ index, indexTerm: 2, confState: MEMBERS },
  });

  it("takes none of what it has, and has the core tell the leader that", () => {
    expect(install.wants(offered(COMMIT))).to.equal(false);
    install.decline(offered(COMMIT));
    const meta = { index: COMMIT, term: 2, confState: MEMBERS };
    expect(stepped).to.deep.equal([
      { kind: "snapshot", from: 1, to: 2, term: 3, snapshot: { meta, data: new Uint8Array() } },
    ]);
  });

  it("shows the core nothing of what is news before its rows are here", () => {
    expect(install.wants(offered(COMMIT + 1))).to.equal(true);
    install.decline(offered(COMMIT + 1));
    expect(stepped).to.deep.equal([]);
  });

  it("has nothing to say where its state is damaged: the log would not go on from there", () => {
    installOf(true).decline(offered(COMMIT));
    expect(stepped).to.deep.equal([]);
  });

  it("wants none once its node stops", () => {
    install.stop();
    expect(install.wants(offered(COMMIT + 1))).to.equal(false);
  });
});
