import { InvariantViolation } from "../../src/base/index.js";
import { encodeConfChange } from "../../src/raft/index.js";
import type { ConfChange, ConfState, Transition } from "../../src/raft/index.js";
import { parseChanges } from "./changes.js";
import type { Recipient } from "./cluster.js";
import { Cluster } from "./cluster.js";
import type { Argument, Directive } from "./datadriven.js";
import { findArgument } from "./datadriven.js";
import { describeMessage, describeProgress, ROLES } from "./describe.js";
import type { Bootstrap } from "./node.js";
import { ELECTION_TICKS } from "./node.js";
import { Output } from "./output.js";

const LOG_LEVELS = ["DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE"];

type Writable<T> = { -readonly [key in keyof T]: T[key] };
type Options = Writable<Parameters<Cluster["addNodes"]>[1]>;

/** Runs the commands of a scenario on a cluster, one after the other. */
export class Interaction {
  readonly #output = new Output();
  readonly #cluster = new Cluster(this.#output);

  /** What the command printed. Throws if a safety property of Raft no longer holds. */
  run(directive: Directive): string[] {
    try {
      this.#handle(directive);
    } catch (error) {
      if (error instanceof InvariantViolation) throw error;
      this.#output.printError(error instanceof Error ? error.message : String(error));
    }
    this.#cluster.checkInvariants();
    return this.#output.take();
  }

  #handle(directive: Directive): void {
    const cluster = this.#cluster;
    const ids = numbersOf(directive);
    const [id = 0, other = 0] = ids;
    switch (directive.command) {
      case "_breakpoint":
        return;
      case "add-nodes":
        this.#addNodes(directive, id);
        return;
      case "campaign":
        cluster.requireNode(id).group.campaign();
        return;
      case "compact":
        cluster.requireNode(id).log.compact(other);
        this.#output.print(cluster.stableLog(id));
        return;
      case "deliver-msgs":
        this.#deliver(directive);
        return;
      case "process-ready":
        this.#forEach(ids, "handling Ready", (one) => cluster.processReady(one));
        return;
      case "process-append-thread":
        this.#forEach(ids, "processing append thread", (one) => cluster.processAppend(one));
        return;
      case "process-apply-thread":
        this.#forEach(ids, "processing apply thread", (one) => cluster.processApply(one));
        return;
      case "log-level":
        this.#setLogLevel(directive.args[0]?.key);
        return;
      case "raft-log":
        this.#output.print(cluster.stableLog(id));
        return;
      case "raft-state":
        this.#printStates();
        return;
      case "set-randomized-election-timeout":
        cluster.requireNode(id).group.overrideElectionTimeout(numberOf(directive, "timeout"));
        return;
      case "stabilize":
        this.#stabilize(directive, ids);
        return;
      case "status":
        for (const progress of cluster.requireNode(id).group.status().followers) {
          this.#output.print([describeProgress(progress)]);
        }
        return;
      case "tick-election":
        this.#tick(id, ELECTION_TICKS);
        return;
      case "tick-heartbeat":
        this.#tick(id, 1);
        return;
      case "transfer-leadership":
        this.#transfer(numberOf(directive, "from"), numberOf(directive, "to"));
        return;
      case "forget-leader":
        cluster.requireNode(id).group.forgetLeader();
        return;
      case "send-snapshot":
        this.#sendSnapshot(id, other);
        return;
      case "propose":
        cluster.propose(id, {
          kind: "normal",
          data: new TextEncoder().encode(directive.args[1]?.key ?? ""),
        });
        return;
      case "propose-conf-change":
        this.#proposeConfChange(directive, id);
        return;
      case "report-unreachable":
        cluster.requireNode(id).group.reportUnreachable(other);
        return;
      case "read-index":
        this.#readIndex(id, other);
        return;
      case "crash-restart":
        for (const one of ids) cluster.crashRestart(one);
        return;
      case "fail-disk":
        cluster.failDisk(id);
        return;
      case "duplicate":
        cluster.duplicate(ids, findArgument(directive, "type")?.values[0]);
        return;
      case "reorder":
        cluster.reorder(ids, findArgument(directive, "type")?.values[0]);
        return;
      default:
        throw new Error("unknown command");
    }
  }

  #addNodes(directive: Directive, count: number): void {
    const options: Options = {};
    let bootstrap: Writable<Bootstrap> | undefined;
    const start = (): Writable<Bootstrap> => (bootstrap ??= emptyBootstrap());
    const conf = (part: Partial<ConfState>): void => {
      start().confState = { ...start().confState, ...part };
    };
    for (const argument of directive.args.slice(1)) {
      const value = argument.values[0] ?? "";
      const isTrue = value === "true";
      switch (argument.key) {
        case "voters":
          conf({ voters: argument.values.map(Number) });
          break;
        case "learners":
          conf({ learners: argument.values.map(Number) });
          break;
        case "index":
          start().index = Number(value);
          break;
        case "content":
          start().content = new TextEncoder().encode(value);
          break;
        case "inflight":
          options.maxInflightMessages = Number(value);
          break;
        case "async-storage-writes":
          options.asyncStorageWrites = isTrue;
          break;
        case "prevote":
          options.preVote = isTrue;
          break;
        case "checkquorum":
          options.checkQuorum = isTrue;
          break;
        case "max-committed-size-per-ready":
          options.maxCommittedBytesPerReady = Number(value);
          break;
        case "disable-conf-change-validation":
          options.disableConfChangeValidation = isTrue;
          break;
        case "read-only":
          options.readOnly = readModeOf(value);
          break;
        case "step-down-on-removal":
          options.stepDownOnRemoval = isTrue;
          break;
        default:
        // etcd's own runner ignores what it does not know.
      }
    }
    this.#cluster.addNodes(count, options, bootstrap);
  }

  #deliver(directive: Directive): void {
    const recipients: Recipient[] = [];
    for (const argument of directive.args) {
      if (argument.values.length === 0) recipients.push({ id: Number(argument.key), drop: false });
      if (argument.key !== "drop") continue;
      for (const value of argument.values) recipients.push({ id: Number(value), drop: true });
    }
    const type = findArgument(directive, "type")?.values[0];
    if (this.#cluster.deliver(recipients, type) === 0) this.#output.print(["no messages"]);
  }

  #forEach(ids: readonly number[], what: string, work: (id: number) => void): void {
    for (const id of ids) {
      if (ids.length === 1) {
        work(id);
        continue;
      }
      this.#output.print([`> ${id} ${what}`]);
      this.#output.indented(() => work(id));
    }
  }

  #setLogLevel(name: string | undefined): void {
    const level = name?.toUpperCase() ?? "";
    if (!LOG_LEVELS.includes(level))
      throw new Error(`log levels must be one of ${LOG_LEVELS.join(" ")}`);
    this.#output.isQuiet = level === "NONE";
  }

  #printStates(): void {
    for (const { id, group, isDown } of this.#cluster.nodes) {
      if (isDown) {
        this.#output.print([`${id}: down`]);
        continue;
      }
      const { role, term, leader, confState } = group.status();
      const isVoter = confState.voters.includes(id) || confState.votersOutgoing.includes(id);
      const kind = isVoter ? "Voter" : "Non-Voter";
      this.#output.print([`${id}: ${ROLES[role]} (${kind}) Term:${term} Lead:${leader}`]);
    }
  }

  #stabilize(directive: Directive, ids: readonly number[]): void {
    const wasQuiet = this.#output.isQuiet;
    const level = findArgument(directive, "log-level")?.values[0];
    if (level !== undefined) this.#setLogLevel(level);
    try {
      const all = this.#cluster.nodes.map((node) => node.id);
      this.#cluster.stabilize(ids.length === 0 ? all : ids);
    } finally {
      this.#output.isQuiet = wasQuiet;
    }
  }

  #tick(id: number, count: number): void {
    const { group } = this.#cluster.requireNode(id);
    for (let ticks = 0; ticks < count; ticks++) group.tick();
  }

  #transfer(from: number, to: number): void {
    const { group } = this.#cluster.requireNode(from);
    group.step({ kind: "transfer-leader", from: to, to: from, term: 0 });
  }

  #sendSnapshot(from: number, to: number): void {
    const { group, log } = this.#cluster.requireNode(from);
    const snapshot = log.snapshot();
    if (snapshot === undefined) throw new Error(`node ${from} has no snapshot`);
    const { term } = group.status();
    const message = { kind: "snapshot", from, to, term, snapshot } as const;
    this.#cluster.send(message);
    this.#output.print(describeMessage(message));
  }

  #readIndex(id: number, context: number): void {
    const outcome = this.#cluster.requireNode(id).group.readIndex(context);
    if (outcome.kind === "refused") throw new Error(`read refused: ${outcome.reason}`);
  }

  #proposeConfChange(directive: Directive, id: number): void {
    const changes = parseChanges(directive.input);
    const isV1 = findArgument(directive, "v1")?.values[0] === "true";
    const transition = transitionOf(findArgument(directive, "transition"));
    if (isV1 && (changes.length > 1 || transition !== "auto")) {
      throw new Error("v1 conf change can only have one operation and no transition");
    }
    const change: ConfChange = { transition, changes, context: new Uint8Array(0) };
    const kind = isV1 ? "conf-change" : "conf-change-v2";
    this.#cluster.propose(id, { kind, data: encodeConfChange(change) });
  }
}

function emptyBootstrap(): Writable<Bootstrap> {
  const confState: ConfState = {
    voters: [],
    learners: [],
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  return { index: 0, confState, content: new Uint8Array(0) };
}

function numbersOf(directive: Directive): number[] {
  return directive.args
    .filter(({ key, values }) => values.length === 0 && /^\d+$/.test(key))
    .map(({ key }) => Number(key));
}

function numberOf(directive: Directive, key: string): number {
  const value = findArgument(directive, key)?.values[0];
  if (value === undefined) throw new Error(`missing argument ${key}`);
  return Number(value);
}

function readModeOf(value: string): "safe" | "lease-based" {
  if (value !== "safe" && value !== "lease-based") {
    throw new Error(`invalid read-only option "${value}"`);
  }
  return value;
}

function transitionOf(argument: Argument | undefined): Transition {
  const value = argument?.values[0] ?? "auto";
  if (value !== "auto" && value !== "implicit" && value !== "explicit") {
    throw new Error(`unknown transition ${value}`);
  }
  return value;
}
