import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { runScenario, scenarioKind } from "./scenario.js";

const SCENARIO = `# One voter elects itself.
add-nodes 1 voters=(1) index=3
----
INFO 1 became follower at term 0
ok

campaign 1
----
INFO 1 became candidate at term 1
DEBUG 1 has votes

stabilize
----
> 1 handling Ready
  Ready MustSync=true:
  Lead:0 State:StateCandidate
  HardState Term:1 Vote:1 Commit:3
  INFO 1 became leader at term 1
> 1 handling Ready
  Ready MustSync=true:
  Lead:1 State:StateLeader
  Entries:
  1/4 EntryNormal ""
> 1 handling Ready
  Ready MustSync=false:
  HardState Term:1 Vote:1 Commit:4
  CommittedEntries:
  1/4 EntryNormal ""
`;

const QUORUM = `vote cfg=(1,2,3) votes=(y,y,_)
----
VoteWon

committed cfg=(1,2,11) idx=(5,5,_)
----
       idx
x>       5    (id=1)
>        5    (id=2)
?        0    (id=b)
5
`;

function outcomeOf(text: string, how: "normal" | "final" | "strict" = "normal"): string {
  return runScenario(text, "interaction", how).kind;
}

describe("a scenario", () => {
  it("passes without its log, of which nothing else is left out", () => {
    expect(outcomeOf(SCENARIO)).to.equal("passed");
    expect(outcomeOf(SCENARIO.replace("INFO 1 became leader", "NOTE 1 became leader"))).to.equal(
      "failed",
    );
  });

  it("fails at its first difference, with both sides", () => {
    const wrong = SCENARIO.replace("Lead:1 State:StateLeader", "Lead:1 State:StateFollower");
    const outcome = runScenario(wrong, "interaction", "normal");
    expect(outcome.kind).to.equal("failed");
    if (outcome.kind !== "failed") return;
    const { line, directive, expected, actual } = outcome.difference;
    expect({ line, directive }).to.deep.equal({ line: 12, directive: "stabilize" });
    expect(expected).to.include("  Lead:1 State:StateFollower");
    expect(actual).to.include("  Lead:1 State:StateLeader");
  });

  it("is judged by its end alone where that is asked for", () => {
    const onTheWay = SCENARIO.replace("HardState Term:1 Vote:1 Commit:3", "HardState Term:9");
    expect(outcomeOf(onTheWay)).to.equal("failed");
    expect(outcomeOf(onTheWay, "final")).to.equal("passed");
    for (const [is, other] of [
      ["HardState Term:1 Vote:1 Commit:4", "HardState Term:1 Vote:2 Commit:4"],
      ["Lead:1 State:StateLeader", "Lead:2 State:StateFollower"],
      [`Entries:\n  1/4 EntryNormal ""`, `Entries:\n  1/4 EntryNormal "x"`],
      [`CommittedEntries:\n  1/4`, `CommittedEntries:\n  1/5`],
    ] as const) {
      expect(outcomeOf(SCENARIO.replace(is, other), "final"), other).to.equal("failed");
    }
  });

  it("compares the order of messages between the same two nodes, and no other", () => {
    const scenario = (messages: readonly string[]): string =>
      `add-nodes 3 voters=(1,2,3) index=2\n----\nok\n\ncampaign 1\n----\nok\n\n` +
      `process-ready 1\n----\nReady MustSync=true:\nLead:0 State:StateCandidate\n` +
      `HardState Term:1 Vote:1 Commit:2\nMessages:\n${messages.join("\n")}\n`;
    const votes = ["1->2 MsgVote Term:1 Log:1/2", "1->3 MsgVote Term:1 Log:1/2"];
    const swapped = scenario([...votes].reverse());
    expect(outcomeOf(scenario(votes), "strict")).to.equal("passed");
    expect(outcomeOf(swapped, "strict")).to.equal("failed");
    expect(outcomeOf(swapped, "normal")).to.equal("passed");
  });

  it("fails where an invariant is broken, whatever it expects and however it is judged", () => {
    const text =
      "add-nodes 1 voters=(1) index=2\n----\nok\n\nadd-nodes 1 voters=(2) index=2\n----\nok\n\n" +
      "campaign 1\n----\nok\n\ncampaign 2\n----\nok\n\nstabilize log-level=none\n----\nok\n";
    const outcome = runScenario(text, "interaction", "final");
    expect(outcome).to.deep.include({ kind: "failed" });
    expect(JSON.stringify(outcome)).to.include("both lead term 1");
  });

  it("prints at log level NONE nothing but what failed", () => {
    const text = "log-level none\n----\nok\n\nadd-nodes 1 voters=(1) index=2\n----\nok\n\n";
    expect(outcomeOf(`${text}propose 1 x\n----\nraft proposal dropped\n`)).to.equal("passed");
  });

  it("is of the kind that the nearest folder says", () => {
    for (const [path, kind] of [
      ["/a/raft/testdata/x.txt", "interaction"],
      ["/a/raft/interaction/x.txt", "interaction"],
      ["/a/raft/confchange/testdata/x.txt", "confchange"],
      ["/a/raft/quorum/testdata/x.txt", "quorum"],
      ["/a/quorum/x.txt", "quorum"],
      ["/quorum/raft/testdata/x.txt", "interaction"],
      ["/a/b/x.txt", "interaction"],
    ] as const) {
      expect(scenarioKind(path), path).to.equal(kind);
    }
  });
});

describe("the conformance command", () => {
  const run = promisify(execFile);
  const command = ["--import", "tsx/esm", resolve("test", "conformance", "run.ts")];
  let root = "";

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "conformance-"));
    await mkdir(join(root, "testdata"));
    await mkdir(join(root, "quorum", "testdata"), { recursive: true });
    await writeFile(join(root, "testdata", "one.txt"), SCENARIO);
    await writeFile(join(root, "quorum", "testdata", "votes.txt"), QUORUM);
  });

  afterEach(async () => {
    await rm(root, { recursive: true });
  });

  it("prints a line a file and the counts, and ends with 0 if nothing failed", async () => {
    await writeFile(join(root, "testdata", "nothing.txt"), "# nothing yet\n");
    const { stdout } = await run(process.execPath, [...command, root]);
    expect(stdout.trim().split("\n")).to.deep.equal([
      `passed   ${join(root, "quorum", "testdata", "votes.txt")} (2 directives)`,
      `skipped  ${join(root, "testdata", "nothing.txt")}: no directives`,
      `passed   ${join(root, "testdata", "one.txt")} (3 directives)`,
      "2 passed, 0 failed, 1 skipped",
    ]);
  });

  it("shows the first difference of a file that fails, and ends with 1", async () => {
    const file = join(root, "quorum", "testdata", "votes.txt");
    await writeFile(file, QUORUM.replace("VoteWon", "VoteLost"));
    const failure = await run(process.execPath, [...command, file]).then(
      () => undefined,
      (error: unknown) => error as { code: number; stdout: string },
    );
    expect(failure?.code).to.equal(1);
    expect(failure?.stdout).to.equal(
      `failed   ${file}\n  ${file}:1: vote cfg=(1,2,3) votes=(y,y,_)\n    expected:\n` +
        `      VoteLost\n    actual:\n      VoteWon\n0 passed, 1 failed, 0 skipped\n`,
    );
  });
});
