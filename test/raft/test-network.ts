import { decodeConfChange, RaftGroup } from "../../src/raft/index.js";
import type {
  AppendWork,
  ConfState,
  Entry,
  Message,
  RaftConfig,
  ReadState,
} from "../../src/raft/index.js";
import { MemoryStore } from "./memory-store.js";

export const ELECTION_TICKS = 10;

/** A core with a store that is as fast as the test wants it. */
export class TestReplica {
  readonly id: number;
  readonly store: MemoryStore;
  readonly group: RaftGroup;
  /** While true, nothing becomes durable and nothing is applied. */
  isStalled = false;
  readonly applied: Entry[] = [];
  readonly reads: ReadState[] = [];
  #appends: AppendWork[] = [];
  #applies: (readonly Entry[])[] = [];

  constructor(id: number, store: MemoryStore, options: Partial<RaftConfig> = {}) {
    this.id = id;
    this.store = store;
    this.group = new RaftGroup(
      {
        id,
        hardState: store.hardState,
        confState: store.confState,
        applied: store.applied,
        randomTicks: (min) => min,
        electionTicks: ELECTION_TICKS,
        ...options,
      },
      store,
    );
  }

  /** Carries out what the core wants; returns what it says to others. */
  flush(): Message[] {
    const said: Message[] = [];
    for (;;) {
      while (this.group.hasReady()) {
        const ready = this.group.ready();
        said.push(...ready.messages);
        this.reads.push(...ready.readStates);
        if (ready.append !== undefined) this.#appends.push(ready.append);
        if (ready.apply !== undefined) this.#applies.push(ready.apply.entries);
      }
      if (this.isStalled || this.#appends.length + this.#applies.length === 0) return said;
      for (const work of this.#appends.splice(0)) said.push(...this.#persist(work));
      for (const entries of this.#applies.splice(0)) this.#apply(entries);
    }
  }

  hear(message: Message): Message[] {
    this.group.step(message);
    return this.flush();
  }

  tick(ticks: number): Message[] {
    const said: Message[] = [];
    for (let at = 0; at < ticks; at++) {
      this.group.tick();
      said.push(...this.flush());
    }
    return said;
  }

  #persist(work: AppendWork): Message[] {
    this.store.persist(work);
    const said: Message[] = [];
    for (const message of work.responses) {
      if (message.to === this.id) this.group.step(message);
      else said.push(message);
    }
    if (work.done !== undefined) this.group.appended(work.done);
    return said;
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.kind !== "normal") {
        const change = decodeConfChange(entry.data);
        this.store.confState = this.group.applyConfChange(change, entry.index);
      }
      this.store.applied = entry.index;
      this.applied.push(entry);
    }
    this.group.applied(entries.at(-1)?.index ?? 0);
  }
}

/** Replicas whose messages arrive at once unless one side is cut off. */
export class TestNetwork {
  readonly replicas: TestReplica[];
  readonly cutOff = new Set<number>();
  /** Pairs that do not hear each other, as `1-2` with the smaller first. */
  readonly cutLinks = new Set<string>();

  constructor(voters: number, options: Partial<RaftConfig> = {}, learners = 0) {
    const ids = Array.from({ length: voters + learners }, (_, at) => at + 1);
    const confState = confOf(ids.slice(0, voters), ids.slice(voters));
    this.replicas = ids.map((id) => new TestReplica(id, newStore(confState), options));
  }

  at(id: number): TestReplica {
    const replica = this.replicas.find((one) => one.id === id);
    if (replica === undefined) throw new Error(`no replica ${id}`);
    return replica;
  }

  settle(first: readonly Message[] = []): void {
    let messages = [...first, ...this.replicas.flatMap((replica) => replica.flush())];
    for (let round = 0; messages.length > 0; round++) {
      if (round > 1_000) throw new Error("the replicas never stop talking");
      messages = messages.flatMap((message) => this.#deliver(message));
    }
  }

  elect(id: number): TestReplica {
    const replica = this.at(id);
    replica.group.campaign();
    this.settle();
    if (replica.group.status().role !== "leader") throw new Error(`${id} was not elected`);
    return replica;
  }

  tick(id: number, ticks = 1): void {
    for (let at = 0; at < ticks; at++) this.settle(this.at(id).tick(1));
  }

  /** Time passes for everyone. */
  tickAll(ticks = 1): void {
    for (let at = 0; at < ticks; at++) for (const { id } of this.replicas) this.tick(id);
  }

  /** Starts a replica anew from what its store holds. */
  restart(id: number, options: Partial<RaftConfig> = {}): TestReplica {
    const again = new TestReplica(id, this.at(id).store.copy(), options);
    this.replicas[this.replicas.indexOf(this.at(id))] = again;
    return again;
  }

  /** The replica that leads, if exactly one does. */
  findLeader(): TestReplica | undefined {
    const leaders = this.replicas.filter(({ group }) => group.status().role === "leader");
    return leaders.length === 1 ? leaders[0] : undefined;
  }

  #deliver(message: Message): Message[] {
    const { from, to } = message;
    if (this.cutOff.has(from) || this.cutOff.has(to)) return [];
    if (this.cutLinks.has(`${Math.min(from, to)}-${Math.max(from, to)}`)) return [];
    return this.replicas.find((replica) => replica.id === message.to)?.hear(message) ?? [];
  }
}

export function newStore(confState: ConfState): MemoryStore {
  const store = new MemoryStore(confState);
  store.bootstrap(1);
  return store;
}

export function confOf(voters: readonly number[], learners: readonly number[] = []): ConfState {
  return { voters, learners, votersOutgoing: [], learnersNext: [], autoLeave: false };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function entry(term: number, index: number, text = ""): Entry {
  return { term, index, kind: "normal", data: bytes(text) };
}

/** What a leader of `term` would send. */
export function append(
  envelope: { from: number; to: number; term: number },
  prev: { index: number; term: number },
  entries: readonly Entry[],
  commit = 0,
): Message {
  const { index: prevIndex, term: prevTerm } = prev;
  return { kind: "append", ...envelope, prevIndex, prevTerm, entries, commit };
}
