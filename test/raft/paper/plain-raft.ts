import type { Message, RaftConfig } from "../../../src/raft/index.js";
import { MemoryStore } from "../memory-store.js";
import { confOf, entry, TestReplica } from "../test-network.js";

/** Raft as the paper has it: neither pre-votes nor leases. */
export const PLAIN: Partial<RaftConfig> = { preVote: false, checkQuorum: false };

/** What a replica starts from: by default the first of three, with nothing. */
interface Start {
  readonly id?: number;
  readonly voters?: readonly number[];
  readonly learners?: readonly number[];
  /** Terms of the log's entries, from index 1 on. */
  readonly terms?: readonly number[];
  readonly term?: number;
  readonly vote?: number;
  readonly commit?: number;
}

export function replicaWith(start: Start = {}, config: Partial<RaftConfig> = {}): TestReplica {
  const { id = 1, voters = [1, 2, 3], learners = [], terms = [] } = start;
  const store = new MemoryStore(confOf(voters, learners));
  store.append(terms.map((term, at) => entry(term, at + 1, `${term}/${at + 1}`)));
  const { term = terms.at(-1) ?? 0, vote = 0, commit = 0 } = start;
  store.hardState = { term, vote, commit };
  return new TestReplica(id, store, { ...PLAIN, ...config });
}

/** Campaigns and gets every vote; returns what the new leader says first. */
export function makeLeader(replica: TestReplica): Message[] {
  replica.group.campaign();
  const said = replica.flush();
  const requests = said.filter((message) => message.kind === "vote");
  const after = requests.flatMap(({ to, term }) => replica.hear(voteOf(to, replica.id, term)));
  if (replica.group.status().role !== "leader") throw new Error("it does not lead");
  return requests.length === 0 ? said : after;
}

/** One that leads its term, has its first entry committed and owes nobody anything. */
export function settledLeader(start: Start = {}, config: Partial<RaftConfig> = {}): TestReplica {
  const leader = replicaWith(start, config);
  makeLeader(leader);
  const { lastIndex, term } = leader.group.status();
  for (const other of [...(start.voters ?? [1, 2, 3]), ...(start.learners ?? [])]) {
    if (other !== leader.id) leader.hear(acknowledge(other, leader.id, term, lastIndex));
  }
  return leader;
}

export function requestVote(
  from: number,
  to: number,
  term: number,
  last: { index: number; term: number } = { index: 0, term: 0 },
): Message {
  const { index: lastIndex, term: lastTerm } = last;
  return { kind: "vote", from, to, term, lastIndex, lastTerm, transfer: false };
}

export function voteOf(from: number, to: number, term: number, reject = false): Message {
  return { kind: "vote-response", from, to, term, reject };
}

export function acknowledge(from: number, to: number, term: number, index: number): Message {
  const accepted = { reject: false, hintIndex: 0, hintTerm: 0 };
  return { kind: "append-response", from, to, term, index, ...accepted };
}

export function heartbeat(from: number, to: number, term: number, commit = 0): Message {
  return { kind: "heartbeat", from, to, term, commit, readRound: 0 };
}

/** Terms of the log that is durable, from its first entry on. */
export function termsOf({ store }: TestReplica): number[] {
  const terms: number[] = [];
  for (let index = store.firstIndex(); index <= store.lastIndex(); index++) {
    terms.push(store.term(index) ?? 0);
  }
  return terms;
}

export function appliedOf(replica: TestReplica): number[] {
  return replica.applied.map(({ index }) => index);
}
