import { ClusterError } from "../base/index.js";
import type { Command } from "../domain/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { ConfChange, ConfState, RaftGroup, ReplicaId } from "../raft/index.js";
import type { AppliedEntry, Applier } from "./applier.js";
import { frameEntry } from "./entry-frame.js";
import { GatheredCommands } from "./gathered-commands.js";
import type { Leadership } from "./leadership.js";
import type { LogTime } from "./log-time.js";
import { OpenProposals } from "./proposals.js";
import {
  diskFull,
  diskSlow,
  entryTooLarge,
  NOT_APPLIED,
  notLeader,
  notYet,
  overloaded,
  refusalError,
  stopping,
  tooNew,
} from "./refusals.js";
import type { Executed } from "./replica-handle.js";
import type { ReplicaHost } from "./replica-host.js";
import type { ReplicaLoad } from "./replica-load.js";

const MS_PER_SECOND = 1000;
const NO_REPLY = new Uint8Array();

export interface ProposerOptions {
  readonly host: ReplicaHost;
  readonly shard: ShardNumber;
  readonly group: RaftGroup;
  readonly applier: Applier;
  readonly logTime: LogTime;
  readonly load: ReplicaLoad;
  readonly leadership: Leadership;
  readonly nodeOf: (replica: ReplicaId) => string;
}

/** What is proposed to the log, from the command to its outcome: taken on or refused, gathered, appended, answered. */
export class Proposer {
  readonly #options: ProposerOptions;
  readonly #gathered = new GatheredCommands();
  readonly #open = new OpenProposals();
  #hasRoom = true;

  constructor(options: ProposerOptions) {
    this.#options = options;
  }

  /** In the log, without an outcome yet. */
  get open(): number {
    return this.#open.size;
  }

  execute(bytes: Uint8Array, timeoutMs: number): Promise<Executed> {
    const { host, applier, load } = this.#options;
    const refusal = this.#refuse(bytes);
    if (refusal !== undefined) return Promise.reject(refusal);
    let command: Command;
    try {
      command = load.during(() => host.codec.decodeCommand(bytes));
    } catch (cause) {
      return Promise.reject(
        new ClusterError("invalid-argument", "malformed command", NOT_APPLIED, cause),
      );
    }
    // Committed, it would stop every replica of this version, again after each restart.
    if (command.operation.kind === "unknown") return Promise.reject(tooNew());
    if (host.machine.levelOf(command) > applier.state.featureLevel) return Promise.reject(notYet());
    load.asked(bytes.length);
    return new Promise((resolve, reject) => {
      const startMs = host.clock.monotonicMs();
      const deadlineMs = startMs + timeoutMs;
      this.#gathered.add({ bytes, command, startMs, deadlineMs, resolve, reject });
    });
  }

  /** The membership after it, once the change is applied. */
  changeMembership(change: ConfChange, timeoutMs: number): Promise<ConfState> {
    const { host, group, applier, nodeOf } = this.#options;
    const proposed = group.proposeConfChange(change);
    if (proposed.kind === "refused") {
      return Promise.reject(refusalError(proposed, nodeOf));
    }
    const { firstIndex, term } = proposed;
    const startMs = host.clock.monotonicMs();
    const deadlineMs = startMs + timeoutMs;
    return new Promise((resolve, reject) => {
      const applied = (): void => {
        resolve(applier.state.confState);
      };
      this.#open.add(firstIndex, { term, startMs, deadlineMs, resolve: applied, reject });
    });
  }

  /** Appends what was gathered, all of it together. */
  propose(): void {
    if (this.#gathered.size === 0) return;
    const { host, shard, group, applier, logTime, nodeOf } = this.#options;
    const batch = this.#gathered.take();
    const timeMs = logTime.stamp();
    const result = group.propose(batch.map(({ bytes }) => frameEntry(timeMs, bytes)));
    if (result.kind === "refused") {
      const error = refusalError(result, nodeOf);
      for (const { reject } of batch) reject(error);
      host.observer.proposalsFailed(shard, batch.length, result.reason);
      return;
    }
    batch.forEach(({ command, startMs, deadlineMs, resolve, reject }, i) => {
      const index = result.firstIndex + i;
      this.#open.add(index, { term: result.term, startMs, deadlineMs, resolve, reject });
      applier.remember(index, result.term, command);
    });
  }

  applied({ index, term, reply, sequence }: AppliedEntry, epoch: number): void {
    const { host, shard, load } = this.#options;
    const startMs = this.#open.findStartMs(index, term);
    if (startMs === undefined) {
      this.#open.passed(index);
      return;
    }
    // A change of members has no reply: that it is applied is the answer.
    const encoded = reply === undefined ? NO_REPLY : host.codec.encodeReply(reply);
    load.answered(encoded.length);
    this.#open.applied(index, term, { reply: encoded, sequence, epoch });
    host.observer.committed(shard, (host.clock.monotonicMs() - startMs) / MS_PER_SECOND);
  }

  tick(nowMs: number): void {
    this.#hasRoom = this.#findRoom();
    this.#open.expire(nowMs);
    this.#gathered.expire(nowMs);
  }

  /** Nobody here will hear what becomes of them: they may be committed all the same. */
  abandon(message: string): void {
    this.#open.abandon(message);
  }

  stop(): void {
    this.#gathered.rejectAll(stopping());
    this.#open.abandon("this node is stopping");
  }

  #refuse(bytes: Uint8Array): ClusterError | undefined {
    const { host, leadership } = this.#options;
    const { limits } = host;
    if (!leadership.isOwn) return notLeader(leadership.leaderNode);
    if (host.conditions.isOwnDiskFull || !this.#hasRoom) return diskFull();
    if (host.diskSlow()) return diskSlow();
    if (bytes.length > limits.entryBytesMax)
      return entryTooLarge(bytes.length, limits.entryBytesMax);
    const waiting = this.#gathered.size + this.#open.size;
    if (waiting >= limits.openProposalsMax || this.#gathered.bytes >= limits.gatheredBytesMax) {
      return overloaded("too many commands are waiting");
    }
    return undefined;
  }

  /** On a quorum: what only a full disk could commit is not begun. */
  #findRoom(): boolean {
    const { conditions } = this.#options.host;
    const voters = this.#options.leadership.voterNodes;
    const full = voters.filter((node) => conditions.isDiskFull(node)).length;
    return full <= (voters.length - 1) / 2;
  }
}
