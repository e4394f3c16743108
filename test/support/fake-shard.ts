import { ClusterError } from "../../src/base/index.js";
import type {
  Executed,
  FeedBatch,
  FeedRow,
  LoadStatus,
  ReplicaHandle,
  ReplicaStatus,
} from "../../src/runtime/index.js";

export const IDLE: LoadStatus = {
  requests: 0,
  bytes: 0,
  cpuMs: 0,
  requestsPerSecond: 0,
  bytesPerSecond: 0,
  cpuPercent: 0,
};

/** A shard that is replicated by magic: its replicas share one list of changes, and the test says who leads. */
export class FakeShard {
  readonly number: number;
  readonly nodes: readonly string[];
  /** Empty while nobody leads. */
  leader: string;
  epoch = 1;
  firstSequence = 1;
  readonly rows: FeedRow[] = [];
  /** Commands that reached the leader, as they came. */
  readonly commands: Uint8Array[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(number: number, nodes: readonly string[]) {
    this.number = number;
    this.nodes = nodes;
    this.leader = nodes[0] ?? "";
  }

  replicaOf(node: string): FakeReplica {
    return new FakeReplica(this, node);
  }

  append(change: Uint8Array, channels: readonly string[] = []): number {
    const sequence = this.rows.length + 1;
    this.rows.push({ sequence, index: sequence, timeMs: 1000 + sequence, channels, change });
    for (const wake of [...this.#waiting]) wake();
    return sequence;
  }

  /** Resolves at the next change, or after a moment. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.#waiting.delete(finish);
        signal.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, 200);
      this.#waiting.add(finish);
      signal.addEventListener("abort", finish);
    });
  }
}

export class FakeReplica implements ReplicaHandle {
  readonly shard: number;
  readonly replica: number;
  readonly node: string;
  readonly group: FakeShard;
  leaderAgeMs = 0;
  /** Replaces what happens to a call, of which it is given the bytes; undefined goes on as usual. */
  intercept: (asked: Uint8Array) => Promise<Executed> | undefined = () => undefined;
  /** How many changes a batch of the feed has at most. */
  batchRows = 100;
  feeds = 0;
  feedsEnded = 0;
  batchesGiven = 0;
  load = IDLE;

  constructor(group: FakeShard, node: string) {
    this.group = group;
    this.node = node;
    this.shard = group.number;
    this.replica = group.number * 0x10000 + group.nodes.indexOf(node) + 1;
  }

  async execute(command: Uint8Array): Promise<Executed> {
    const intercepted = this.intercept(command);
    if (intercepted !== undefined) return intercepted;
    this.#requireLeader();
    this.group.commands.push(command);
    const sequence = this.group.append(command);
    return { reply: command, sequence, epoch: this.group.epoch };
  }

  async read(query: Uint8Array): Promise<Executed> {
    const intercepted = this.intercept(query);
    if (intercepted !== undefined) return intercepted;
    this.#requireLeader();
    return { reply: query, sequence: this.group.rows.length, epoch: this.group.epoch };
  }

  async *changes(options: {
    readonly after: number;
    readonly channels: readonly string[];
    readonly signal: AbortSignal;
  }): AsyncGenerator<FeedBatch> {
    const { group } = this;
    const { channels, signal } = options;
    let at = options.after;
    this.feeds++;
    try {
      yield this.#batch([], at);
      while (!signal.aborted) {
        if (at < group.firstSequence - 1) {
          throw new ClusterError("position-gone", `changes after ${at} are no longer kept`);
        }
        const rows = group.rows.slice(at, at + this.batchRows);
        at += rows.length;
        const wanted = rows.filter(
          (row) => channels.length === 0 || row.channels.some((name) => channels.includes(name)),
        );
        if (rows.length === 0) await group.changed(signal);
        this.batchesGiven++;
        yield this.#batch(wanted, at);
      }
    } finally {
      this.feedsEnded++;
    }
  }

  status(): ReplicaStatus {
    const leads = this.group.leader === this.node;
    const last = this.group.rows.length;
    return {
      shard: this.shard,
      replica: this.replica,
      role: leads ? "leader" : "follower",
      term: 3,
      leader: this.group.nodes.indexOf(this.group.leader) + 1,
      leaderNode: this.group.leader,
      commit: last,
      applied: last,
      firstIndex: 1,
      lastIndex: last,
      sequence: last,
      epoch: this.group.epoch,
      featureLevel: 1,
      stateHash: "00",
      quarantine: "",
      followers: [],
      members: this.group.nodes.map((node, i) => ({
        replica: this.shard * 0x10000 + i + 1,
        node,
        learner: false,
        leaving: false,
        address: "",
        storeId: "",
      })),
      changing: false,
      pending: 0,
      readsPending: 0,
      leaderAgeMs: 0,
      load: this.load,
    };
  }

  async transferLeader(to: number | undefined): Promise<string> {
    const others = this.group.nodes.filter((node) => node !== this.node);
    const ordinal = (to ?? 0) % 0x10000;
    this.group.leader = (to === undefined ? others[0] : this.group.nodes[ordinal - 1]) ?? "";
    return this.group.leader;
  }

  async changeMembership(): Promise<never> {
    throw new ClusterError("unimplemented", "the members of this shard do not change");
  }

  get nextReplicaId(): number {
    return this.shard * 0x10000 + this.group.nodes.length + 1;
  }

  stateHash(index: number) {
    return { index, hash: "00" };
  }

  async openSnapshot(): Promise<never> {
    throw new ClusterError("unimplemented", "this shard keeps nothing");
  }

  async compact(): Promise<number> {
    return 1;
  }

  #requireLeader(): void {
    const { leader } = this.group;
    if (leader === this.node) return;
    const outcome = "not_applied";
    if (leader === "") throw new ClusterError("no-leader", "nobody leads", { outcome });
    throw new ClusterError("not-leader", "another leads", { leaderNode: leader, outcome });
  }

  #batch(rows: readonly FeedRow[], upTo: number): FeedBatch {
    const { firstSequence, epoch } = this.group;
    return { rows, upTo, firstSequence, epoch, leaderAgeMs: this.leaderAgeMs };
  }
}
