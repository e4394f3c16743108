import { decodeConfChange, RaftGroup } from "../../src/raft/index.js";
import type {
  AppendDone,
  AppendWork,
  ConfState,
  Entry,
  HardState,
  Message,
  ProposedEntry,
  RaftConfig,
  Ready,
  Snapshot,
  StepOutcome,
} from "../../src/raft/index.js";
import {
  describeAppendDone,
  describeAppendWork,
  describeApplyDone,
  describeApplyWork,
  describeEntry,
  describeMessage,
  describeReady,
  MESSAGE_NAMES,
} from "./describe.js";
import { Invariants } from "./invariants.js";
import { MemoryLog } from "./memory-log.js";
import type { Output } from "./output.js";

/** Ticks until an election; scenarios count in these. */
export const ELECTION_TICKS = 3;
/** A scenario that is not at rest after so many rounds never will be. */
const ROUNDS_MAX = 10_000;

export type NodeOptions = Partial<Omit<RaftConfig, "id" | "hardState" | "confState" | "applied">>;

/** What a node starts from instead of nothing. */
export interface Bootstrap {
  readonly index: number;
  readonly confState: ConfState;
  readonly content: Uint8Array;
}

export interface Recipient {
  readonly id: number;
  readonly drop: boolean;
}

interface Node {
  readonly id: number;
  readonly isAsync: boolean;
  readonly group: RaftGroup;
  readonly log: MemoryLog;
  readonly appendWork: AppendWork[];
  readonly applyWork: (readonly Entry[])[];
  /** As of the last Ready. */
  hardState: HardState;
}

/** On its way: between nodes, or from a node's own storage back to it. */
type Delivery =
  | { readonly kind: "message"; readonly to: number; readonly message: Message }
  | { readonly kind: "appended"; readonly to: number; readonly done: AppendDone }
  | { readonly kind: "applied"; readonly to: number; readonly entries: readonly Entry[] };

/** Nodes, one queue of messages between them, and each one's storage; nothing moves on its own. */
export class Cluster {
  readonly nodes: Node[] = [];
  readonly #output: Output;
  readonly #invariants = new Invariants();
  #queue: Delivery[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  checkInvariants(): void {
    this.#invariants.check(this.nodes);
  }

  requireNode(id: number): Node {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  addNodes(count: number, options: NodeOptions, bootstrap: Bootstrap | undefined): void {
    for (let added = 0; added < count; added++) this.#addNode(options, bootstrap);
  }

  propose(id: number, entry: ProposedEntry): void {
    const { group } = this.requireNode(id);
    const message: Message = { kind: "propose", from: id, to: id, term: 0, entries: [entry] };
    const outcome = group.step(message);
    if (outcome.kind === "refused") throw new Error(errorText(outcome));
  }

  processReady(id: number): void {
    const node = this.requireNode(id);
    const ready = node.group.ready();
    this.#output.print(describeNodeReady(node, ready));
    node.hardState = ready.append?.hardState ?? node.hardState;
    if (!node.isAsync) {
      if (ready.append !== undefined) persist(node, ready.append);
      this.#apply(node, ready.apply?.entries ?? []);
    }
    for (const message of ready.messages) this.send(message);
    if (node.isAsync) {
      if (ready.append !== undefined) node.appendWork.push(ready.append);
      if (ready.apply !== undefined) node.applyWork.push(ready.apply.entries);
    } else {
      node.group.advance();
    }
  }

  processAppend(id: number): void {
    const node = this.requireNode(id);
    const work = node.appendWork.shift();
    if (work === undefined) {
      this.#output.print(["no append work to perform"]);
      return;
    }
    this.#output.print(["Processing:", ...describeAppendWork(id, work, false)]);
    persist(node, work);
    this.#output.print(["Responses:"]);
    for (const message of work.responses) {
      this.#output.print(describeMessage(message));
      this.send(message);
    }
    if (work.done !== undefined) {
      this.#output.print(describeAppendDone(id, work.done));
      this.#queue.push({ kind: "appended", to: id, done: work.done });
    }
  }

  processApply(id: number): void {
    const node = this.requireNode(id);
    const entries = node.applyWork.shift();
    if (entries === undefined) {
      this.#output.print(["no apply work to perform"]);
      return;
    }
    this.#output.print(["Processing:", ...describeApplyWork(id, entries, false)]);
    this.#apply(node, entries);
    this.#output.print(["Responses:", ...describeApplyDone(id, entries)]);
    this.#queue.push({ kind: "applied", to: id, entries });
  }

  /** Returns how many deliveries there were. */
  deliver(recipients: readonly Recipient[], type?: string): number {
    let count = 0;
    for (const { id, drop } of recipients) {
      const taken = this.#queue.filter((delivery) => matches(delivery, id, drop, type));
      this.#queue = this.#queue.filter((delivery) => !taken.includes(delivery));
      count += taken.length;
      for (const delivery of taken) {
        const [first = "", ...rest] = describeDelivery(delivery);
        this.#output.print([`${drop ? "dropped: " : ""}${first}`, ...rest]);
        if (!drop) this.#arrive(delivery);
      }
    }
    return count;
  }

  /** Runs the nodes until nothing is left to do among them. */
  stabilize(ids: readonly number[]): void {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      if (!this.#runRound(ids)) return;
    }
    throw new Error(`no rest after ${ROUNDS_MAX} rounds`);
  }

  send(message: Message): void {
    this.#queue.push({ kind: "message", to: message.to, message });
  }

  stableLog(id: number): string[] {
    const { log } = this.requireNode(id);
    const first = log.firstIndex();
    const last = log.lastIndex();
    if (last < first) return [`log is empty: first index=${first}, last index=${last}`];
    const entries = log.entries(first, last + 1, Infinity);
    return typeof entries === "string" ? [entries] : entries.map(describeEntry);
  }

  #addNode(options: NodeOptions, bootstrap: Bootstrap | undefined): void {
    const id = this.nodes.length + 1;
    const log = new MemoryLog();
    if (bootstrap !== undefined) {
      if (bootstrap.index <= 1) throw new Error("index must be specified as > 1 due to bootstrap");
      const { index, confState, content } = bootstrap;
      const snapshot: Snapshot = { meta: { index, term: 1, confState }, data: content };
      log.restore(snapshot);
      log.history[0] = snapshot;
    }
    const start = log.snapshot();
    if (start === undefined) throw new Error("a node starts from a state");
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
      ...options,
      id,
      hardState: log.hardState,
      confState: start.meta.confState,
      applied: start.meta.index,
    };
    const group = new RaftGroup(config, log);
    const hardState = { ...log.hardState, commit: group.status().commit };
    const isAsync = options.asyncStorageWrites ?? false;
    this.nodes.push({ id, isAsync, group, log, appendWork: [], applyWork: [], hardState });
  }

  /** False if nobody had anything to do. */
  #runRound(ids: readonly number[]): boolean {
    let isBusy = false;
    const run = (id: number, what: string, work: () => void): void => {
      this.#output.print([`> ${id} ${what}`]);
      this.#output.indented(work);
      isBusy = true;
    };
    for (const id of ids) {
      if (this.requireNode(id).group.hasReady()) {
        run(id, "handling Ready", () => this.processReady(id));
      }
    }
    for (const id of ids) {
      if (this.#queue.some((delivery) => delivery.to === id)) {
        run(id, "receiving messages", () => this.deliver([{ id, drop: false }]));
      }
    }
    for (const id of ids) {
      const { appendWork } = this.requireNode(id);
      if (appendWork.length > 0) {
        run(id, "processing append thread", () => {
          while (appendWork.length > 0) this.processAppend(id);
        });
      }
    }
    for (const id of ids) {
      const { applyWork } = this.requireNode(id);
      if (applyWork.length > 0) {
        run(id, "processing apply thread", () => {
          while (applyWork.length > 0) this.processApply(id);
        });
      }
    }
    return isBusy;
  }

  #arrive(delivery: Delivery): void {
    const { group } = this.requireNode(delivery.to);
    switch (delivery.kind) {
      case "message": {
        const outcome = group.step(delivery.message);
        if (outcome.kind === "refused") this.#output.print([errorText(outcome)]);
        return;
      }
      case "appended":
        group.appended(delivery.done);
        return;
      case "applied":
        group.applied(delivery.entries.at(-1)?.index ?? 0);
    }
  }

  #apply(node: Node, entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#invariants.noteApplied(node.id, node.group.status().term, entry);
      const before = node.log.history.at(-1);
      if (before === undefined) throw new Error("a node has a state");
      let update = entry.data;
      let { confState } = before.meta;
      if (entry.kind !== "normal") {
        const change = decodeConfChange(entry.data);
        confState = node.group.applyConfChange(change, entry.index);
        update = change.context;
      }
      const meta = { index: entry.index, term: entry.term, confState };
      node.log.history.push({ meta, data: joined(before.data, update) });
    }
  }
}

function describeNodeReady(node: Node, ready: Ready): string[] {
  const { append, apply } = ready;
  const messages = ready.messages.map(describeMessage);
  if (node.isAsync) {
    if (append !== undefined) messages.push(describeAppendWork(node.id, append, true));
    if (apply !== undefined) messages.push(describeApplyWork(node.id, apply.entries, true));
  }
  return describeReady({
    mustSync: mustSync(node, append),
    softState: ready.softState,
    hardState: append?.hardState,
    readStates: ready.readStates,
    entries: append?.entries ?? [],
    snapshot: append?.snapshot,
    committed: apply?.entries ?? [],
    messages,
  });
}

/** The scenarios' rule, which does not count snapshots; the core's own does. */
function mustSync(node: Node, append: AppendWork | undefined): boolean {
  const hardState = append?.hardState ?? node.hardState;
  const isPromise =
    hardState.term !== node.hardState.term || hardState.vote !== node.hardState.vote;
  const expected = isPromise || (append?.entries.length ?? 0) > 0;
  const actual = append?.mustSync ?? false;
  if (actual !== (expected || append?.snapshot !== undefined)) {
    throw new Error(`mustSync is ${actual}`);
  }
  return expected;
}

function persist(node: Node, work: AppendWork): void {
  if (work.hardState !== undefined) node.log.hardState = work.hardState;
  if (work.snapshot !== undefined) {
    if (work.entries.length > 0) {
      throw new Error("can't apply snapshot and entries at the same time");
    }
    node.log.restore(work.snapshot);
    return;
  }
  node.log.append(work.entries);
}

function matches(delivery: Delivery, id: number, drop: boolean, type?: string): boolean {
  if (delivery.to !== id) return false;
  const isLocal = delivery.kind !== "message" || delivery.message.from === delivery.message.to;
  if (drop && isLocal) return false;
  return type === undefined || typeOf(delivery) === type;
}

function typeOf(delivery: Delivery): string {
  if (delivery.kind === "message") return MESSAGE_NAMES[delivery.message.kind];
  return delivery.kind === "appended" ? "MsgStorageAppendResp" : "MsgStorageApplyResp";
}

function describeDelivery(delivery: Delivery): string[] {
  switch (delivery.kind) {
    case "message":
      return describeMessage(delivery.message);
    case "appended":
      return describeAppendDone(delivery.to, delivery.done);
    case "applied":
      return describeApplyDone(delivery.to, delivery.entries);
  }
}

function errorText(outcome: Exclude<StepOutcome, { kind: "ok" }>): string {
  if (outcome.reason === "peer-not-found") return "raft: cannot step as peer not found";
  return outcome.reason === "malformed" ? "malformed message" : "raft proposal dropped";
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
