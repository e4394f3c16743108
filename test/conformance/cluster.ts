import type {
  AppendWork,
  Entry,
  Message,
  ProposedEntry,
  Ready,
  StepOutcome,
} from "../../src/raft/index.js";
import type { Delivery } from "./delivery.js";
import { describeDelivery, isLocal, typeOf } from "./delivery.js";
import {
  describeAppendDone,
  describeAppendWork,
  describeApplyDone,
  describeApplyWork,
  describeEntry,
  describeHardState,
  describeMessage,
  describeReady,
} from "./describe.js";
import { Invariants } from "./invariants.js";
import type { Bootstrap, NodeOptions } from "./node.js";
import { Node } from "./node.js";
import type { Output } from "./output.js";

/** A scenario that is not at rest after so many rounds never will be. */
const ROUNDS_MAX = 10_000;

export interface Recipient {
  readonly id: number;
  readonly drop: boolean;
}

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

  /** A node that runs. */
  requireNode(id: number): Node {
    const node = this.#requireKnown(id);
    if (node.isDown) throw new Error(`node ${id} is down`);
    return node;
  }

  addNodes(count: number, options: NodeOptions, bootstrap: Bootstrap | undefined): void {
    for (let added = 0; added < count; added++) {
      this.nodes.push(new Node(this.nodes.length + 1, options, bootstrap));
    }
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
      if (ready.append !== undefined && !node.tryPersist(ready.append)) {
        this.#noteDown(node);
        return;
      }
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
    if (!node.tryPersist(work)) {
      this.#noteDown(node);
      return;
    }
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
    for (const { id, drop: isDropped } of recipients) {
      const drop = isDropped || this.nodes[id - 1]?.isDown === true;
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

  /** From now on the disk refuses every write. */
  failDisk(id: number): void {
    this.requireNode(id).isDiskFailing = true;
  }

  /** The node starts again from what is durable; what the network holds for it may still arrive. */
  crashRestart(id: number): void {
    const node = this.#requireKnown(id);
    this.#forgetLocal(node);
    node.restart();
    const { term, vote, commit } = node.hardState;
    const { applied, firstIndex, lastIndex } = node.group.status();
    this.#output.print([
      describeHardState({ term, vote, commit }),
      `applied=${applied} first=${firstIndex} last=${lastIndex}`,
    ]);
  }

  /** The network delivers everything that is on its way to these nodes a second time, after all the rest. */
  duplicate(ids: readonly number[], type?: string): void {
    const found = this.#onNetwork(ids, type);
    this.#queue.push(...found.map((delivery) => ({ ...delivery })));
    this.#printAll(found);
  }

  /** What is on its way to these nodes arrives in the opposite order. */
  reorder(ids: readonly number[], type?: string): void {
    const found = this.#onNetwork(ids, type).reverse();
    this.#queue = this.#queue.filter((delivery) => !found.includes(delivery)).concat(found);
    this.#printAll(found);
  }

  stableLog(id: number): string[] {
    const { log } = this.#requireKnown(id);
    const first = log.firstIndex();
    const last = log.lastIndex();
    if (last < first) return [`log is empty: first index=${first}, last index=${last}`];
    const entries = log.entries(first, last + 1, Infinity);
    return typeof entries === "string" ? [entries] : entries.map(describeEntry);
  }

  #requireKnown(id: number): Node {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  #noteDown(node: Node): void {
    this.#forgetLocal(node);
    this.#output.print([`disk error: ${node.id} stops`]);
  }

  /** What its own storage had to say to it is lost with the process. */
  #forgetLocal({ id }: Node): void {
    this.#queue = this.#queue.filter((delivery) => delivery.to !== id || !isLocal(delivery));
  }

  #onNetwork(ids: readonly number[], type?: string): Delivery[] {
    return this.#queue.filter((delivery) => ids.some((id) => matches(delivery, id, true, type)));
  }

  #printAll(deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) this.#output.print(["no messages"]);
    for (const delivery of deliveries) this.#output.print(describeDelivery(delivery));
  }

  /** False if nobody had anything to do. */
  #runRound(ids: readonly number[]): boolean {
    let isBusy = false;
    const run = (id: number, what: string, work: () => void): void => {
      this.#output.print([`> ${id} ${what}`]);
      this.#output.indented(work);
      isBusy = true;
    };
    const running = (): number[] => ids.filter((id) => this.nodes[id - 1]?.isDown !== true);
    for (const id of running()) {
      if (this.requireNode(id).group.hasReady()) {
        run(id, "handling Ready", () => this.processReady(id));
      }
    }
    for (const id of ids) {
      if (this.#queue.some((delivery) => delivery.to === id)) {
        run(id, "receiving messages", () => this.deliver([{ id, drop: false }]));
      }
    }
    for (const id of running()) {
      const node = this.requireNode(id);
      if (node.appendWork.length > 0) {
        run(id, "processing append thread", () => {
          while (node.appendWork.length > 0 && !node.isDown) this.processAppend(id);
        });
      }
    }
    for (const id of running()) {
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
      node.apply(entry);
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

function matches(delivery: Delivery, id: number, drop: boolean, type?: string): boolean {
  if (delivery.to !== id || (drop && isLocal(delivery))) return false;
  return type === undefined || typeOf(delivery) === type;
}

function errorText(outcome: Exclude<StepOutcome, { kind: "ok" }>): string {
  if (outcome.reason === "peer-not-found") return "raft: cannot step as peer not found";
  return outcome.reason === "malformed" ? "malformed message" : "raft proposal dropped";
}
