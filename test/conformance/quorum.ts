import { jointIndex, jointVote, majorityIndex, majorityVote } from "../../src/raft/quorum.js";
import type { AckedIndex, JointVoters, Voters } from "../../src/raft/quorum.js";
import type { Directive } from "./datadriven.js";
import { findArgument } from "./datadriven.js";

interface Question {
  readonly voters: JointVoters;
  readonly isJoint: boolean;
  /** Of both halves, each once, in the order of the answers. */
  readonly ids: readonly number[];
}

const NOBODY: Voters = new Set();
const RESULTS = { won: "VoteWon", lost: "VoteLost", pending: "VotePending" };

/** Asks what a quorum decided, and checks that other ways to ask have the same answer. */
export function runQuorum(directive: Directive): string[] {
  const question = readQuestion(directive);
  switch (directive.command) {
    case "committed":
      return committed(question, findArgument(directive, "idx")?.values ?? []);
    case "vote":
      return vote(question, findArgument(directive, "votes")?.values ?? []);
    default:
      return ["unknown command"];
  }
}

function readQuestion(directive: Directive): Question {
  const outgoing = findArgument(directive, "cfgj")?.values;
  const isJoint = outgoing !== undefined;
  const cfg = (findArgument(directive, "cfg")?.values ?? []).map(Number);
  const cfgj = (outgoing ?? []).filter((value) => value !== "zero").map(Number);
  const voters = { incoming: new Set(cfg), outgoing: new Set(cfgj) };
  return { voters, isJoint, ids: [...new Set([...cfg, ...cfgj])] };
}

function committed({ voters, isJoint, ids }: Question, values: readonly string[]): string[] {
  const wrong = findMismatch(ids, values);
  if (wrong !== undefined) return [wrong];
  const known = new Map<number, number>();
  ids.forEach((id, at) => {
    const index = Number(values[at] === "_" ? 0 : values[at]);
    if (index > 0) known.set(id, index);
  });
  const acked: AckedIndex = (id) => known.get(id);
  const index = isJoint ? jointIndex(voters, acked) : majorityIndex(voters.incoming, acked);
  const lines = table(
    [...ids].sort((a, b) => a - b),
    known,
  );
  for (const [name, other] of otherWays(voters, isJoint, known)) {
    if (other !== index) lines.push(`${format(other)} <-- via ${name}`);
  }
  // A result over an empty table stands on the same line.
  if (ids.length === 0) return [`${lines.join("")}${format(index)}`];
  return [...lines, format(index)];
}

function vote({ voters, isJoint, ids }: Question, values: readonly string[]): string[] {
  const wrong = findMismatch(ids, values);
  if (wrong !== undefined) return [wrong];
  const votes = new Map<number, boolean>();
  ids.forEach((id, at) => {
    if (values[at] !== "_") votes.set(id, values[at] === "y");
  });
  const result = isJoint ? jointVote(voters, votes) : majorityVote(voters.incoming, votes);
  const swapped = { incoming: voters.outgoing, outgoing: voters.incoming };
  const other = jointVote(swapped, votes);
  return other === result
    ? [RESULTS[result]]
    : [RESULTS[result], `${RESULTS[other]} <-- via symmetry`];
}

function findMismatch(ids: readonly number[], values: readonly string[]): string | undefined {
  if (ids.length === values.length) return undefined;
  return `error: mismatched input (explicit or _) for voters [${ids.join(" ")}]: [${values.join(" ")}]`;
}

/** Each voter's bar is as long as the number of voters that are behind it. */
function table(ids: readonly number[], known: ReadonlyMap<number, number>): string[] {
  if (ids.length === 0) return ["<empty majority quorum>"];
  const lines = [`${" ".repeat(ids.length)}    idx`];
  for (const id of ids) {
    const index = known.get(id) ?? 0;
    const bar = ids.filter((other) => (known.get(other) ?? 0) < index).length;
    const mark = known.has(id)
      ? `${"x".repeat(bar)}>${" ".repeat(ids.length - bar)}`
      : `?${" ".repeat(ids.length)}`;
    lines.push(`${mark} ${String(index).padStart(5)}    (id=${id.toString(16)})`);
  }
  return lines;
}

function otherWays(
  voters: JointVoters,
  isJoint: boolean,
  known: ReadonlyMap<number, number>,
): [string, number][] {
  const { incoming, outgoing } = voters;
  const acked: AckedIndex = (id) => known.get(id);
  if (isJoint) {
    return [["symmetry", jointIndex({ incoming: outgoing, outgoing: incoming }, acked)]];
  }
  const index = majorityIndex(incoming, acked);
  const ways: [string, number][] = [
    ["alternative computation", countedIndex(incoming, acked)],
    ["zero-joint quorum", jointIndex({ incoming, outgoing: NOBODY }, acked)],
    ["self-joint quorum", jointIndex({ incoming, outgoing: incoming }, acked)],
  ];
  // Whoever is behind the result can fall further back without changing it.
  for (const id of incoming) {
    const own = known.get(id) ?? 0;
    if (own === 0 || index <= own) continue;
    for (const lower of [own - 1, 0]) {
      const overlay: AckedIndex = (other) => (other === id ? lower : known.get(other));
      ways.push([`overlaying ${id}->${lower}`, majorityIndex(incoming, overlay)]);
    }
  }
  return ways;
}

/** Tries each known index in turn: the slow way that cannot be wrong. */
function countedIndex(voters: Voters, acked: AckedIndex): number {
  if (voters.size === 0) return Infinity;
  let best = 0;
  for (const candidate of voters) {
    const index = acked(candidate) ?? 0;
    let holders = 0;
    for (const id of voters) if ((acked(id) ?? 0) >= index) holders += 1;
    if (holders * 2 > voters.size) best = Math.max(best, index);
  }
  return best;
}

function format(index: number): string {
  return index === Infinity ? "∞" : String(index);
}
