import { decodeConfChange, RaftGroup } from "../../src/raft/index.js";
import type {
  AppendWork,
  ConfState,
  Entry,
  HardState,
  RaftConfig,
  Snapshot,
} from "../../src/raft/index.js";
import { MemoryLog } from "./memory-log.js";

/** Ticks until an election; scenarios count in these. */
export const ELECTION_TICKS = 3;

export type NodeOptions = Partial<Omit<RaftConfig, "id" | "hardState" | "confState" | "applied">>;

/** What a node starts from instead of nothing. */
export interface Bootstrap {
  readonly index: number;
  readonly confState: ConfState;
  readonly content: Uint8Array;
}

/** A core, its storage, and the work that waits for that storage. */
export class Node {
  readonly id: number;
  readonly isAsync: boolean;
  readonly log = new MemoryLog();
  group: RaftGroup;
  appendWork: AppendWork[] = [];
  applyWork: (readonly Entry[])[] = [];
  /** As of the last Ready. */
  hardState: HardState;
  /** The next write fails. */
  isDiskFailing = false;
  /** It stopped and hears nothing until it is started again. */
  isDown = false;
  readonly #options: NodeOptions;

  constructor(id: number, options: NodeOptions, bootstrap: Bootstrap | undefined) {
    this.id = id;
    this.isAsync = options.asyncStorageWrites ?? false;
    this.#options = options;
    if (bootstrap !== undefined) {
      if (bootstrap.index <= 1) throw new Error("index must be specified as > 1 due to bootstrap");
      const { index, confState, content } = bootstrap;
      const snapshot: Snapshot = { meta: { index, term: 1, confState }, data: content };
      this.log.restore(snapshot);
      this.log.history[0] = snapshot;
    }
    this.group = this.#newGroup();
    this.hardState = { ...this.log.hardState, commit: this.group.status().commit };
  }

  /** Everything that was not durable is gone. */
  restart(): void {
    this.appendWork = [];
    this.applyWork = [];
    this.isDiskFailing = false;
    this.isDown = false;
    this.group = this.#newGroup();
    this.hardState = { ...this.log.hardState, commit: this.group.status().commit };
  }

  /** False if the disk refused: the node stops, and nothing of this write or of a later one is there when it starts again. */
  tryPersist(work: AppendWork): boolean {
    if (this.isDiskFailing) {
      this.isDown = true;
      return false;
    }
    if (work.hardState !== undefined) this.log.hardState = work.hardState;
    if (work.snapshot === undefined) {
      this.log.append(work.entries);
      return true;
    }
    if (work.entries.length > 0) {
      throw new Error("can't apply snapshot and entries at the same time");
    }
    this.log.restore(work.snapshot);
    return true;
  }

  /** The state machine of the scenarios appends what entries hold. */
  apply(entry: Entry): void {
    const before = this.log.history.at(-1);
    if (before === undefined) throw new Error("a node has a state");
    let update = entry.data;
    let { confState } = before.meta;
    if (entry.kind !== "normal") {
      const change = decodeConfChange(entry.data);
      confState = this.group.applyConfChange(change, entry.index);
      update = change.context;
    }
    const meta = { index: entry.index, term: entry.term, confState };
    this.log.history.push({ meta, data: joined(before.data, update) });
  }

  #newGroup(): RaftGroup {
    const { index, confState } = this.log.state;
    const config: RaftConfig = {
      electionTicks: ELECTION_TICKS,
      heartbeatTicks: 1,
      maxMessageBytes: Infinity,
      maxCommittedBytesPerReady: Infinity,
      maxUncommittedBytes: Infinity,
      maxInflightMessages: Infinity,
      maxInflightBytes: 0,
      checkQuorum: false,
      preVote: false,
      disableProposalForwarding: false,
      stepDownOnRemoval: false,
      asyncStorageWrites: false,
      randomTicks: (min) => min,
      ...this.#options,
      id: this.id,
      hardState: this.log.hardState,
      confState,
      applied: index,
    };
    return new RaftGroup(config, this.log);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
