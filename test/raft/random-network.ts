import { decodeConfChange, LEAVE_JOINT, RaftGroup } from "../../src/raft/index.js";
import type {
  AppendWork,
  ConfChange,
  ConfState,
  Entry,
  LogPosition,
  Message,
  Ready,
  SingleChange,
} from "../../src/raft/index.js";
import { MemoryStore } from "./memory-store.js";
import { SeededRandom } from "./seeded-random.js";

const TICKS_TO_HEAL = 120;

interface Node {
  readonly id: number;
  store: MemoryStore;
  /** Undefined while it is down. */
  group: RaftGroup | undefined;
  appends: AppendWork[];
  applies: (readonly Entry[])[];
  /** Last entry that a message of this node acknowledged. */
  promised: LogPosition;
  /** An older copy of the store, which a faulty disk may come back with. */
  backup: MemoryStore;
  applied: number;
  confState: ConfState;
  state: number;
  /** By context: the highest index applied anywhere when the read was asked for. */
  reads: Map<number, number>;
}

interface AppliedEntry {
  readonly term: number;
  readonly inTerm: number;
  readonly state: number;
}

/**
 * Replicas whose messages are lost, doubled and reordered, whose disks are slow, and which crash, as one seed decides. Throws
 * at the first violation of what the Raft paper promises in figure 3, or of what a linearizable read promises.
 */
export class RandomNetwork {
  readonly #random: SeededRandom;
  readonly #nodes: Node[] = [];
  readonly #leaders = new Map<number, number>();
  readonly #applied = new Map<number, AppliedEntry>();
  /** Nodes of this set and the others do not hear each other. */
  #cutOff: ReadonlySet<number> = new Set();
  readonly #isPolite: boolean;
  #messages: Message[] = [];
  #highestApplied = 0;
  #nextValue = 1;
  #nextRead = 1;

  constructor(seed: number, size: number) {
    this.#random = new SeededRandom(seed);
    // Without pre-vote and check-quorum there are more leaders at a time: safety must not depend on them.
    this.#isPolite = this.#random.chance(0.3);
    const isBootstrapped = this.#random.chance(0.5);
    const spare = 2;
    const voters = Array.from({ length: size }, (_, at) => at + 1);
    for (let id = 1; id <= size + spare; id++) {
      const confState = confOf(id <= size ? voters : []);
      const store = new MemoryStore(confState);
      if (id <= size && isBootstrapped) store.bootstrap(1);
      const node: Node = {
        ...{ id, store, confState, group: undefined, appends: [], applies: [], applied: 0 },
        ...{ promised: { index: 0, term: 0 }, backup: store.copy(), state: 0, reads: new Map() },
      };
      this.#nodes.push(node);
      this.#start(node, undefined);
    }
  }

  get highestApplied(): number {
    return this.#highestApplied;
  }

  run(steps: number): void {
    for (let at = 0; at < steps; at++) {
      const node = this.#random.pick(this.#nodes);
      if (node !== undefined) this.#disturb(node);
    }
    this.#checkLogMatching();
  }

  /** No more faults: everybody must agree and the group must still take a proposal. */
  heal(): void {
    this.#cutOff = new Set();
    for (const node of this.#nodes) if (node.group === undefined) this.#start(node, undefined);
    const before = this.#highestApplied;
    for (let ticks = 0; ticks < TICKS_TO_HEAL; ticks++) {
      const members = this.#newestMembers();
      for (const node of this.#nodes) {
        // Whoever was removed and never heard of it would campaign for ever; its owner stops it.
        if (members.has(node.id)) node.group?.tick();
        for (const follower of node.group?.status().followers ?? []) {
          if (follower.state === "snapshot") node.group?.reportSnapshot(follower.id, false);
        }
        if (ticks % 20 === 0) this.#propose(node);
        this.#settle();
      }
    }
    this.#checkLogMatching();
    if (this.#highestApplied <= before) throw new Error("a healed group takes no proposals");
    this.#checkAgreement();
  }

  #disturb(node: Node): void {
    const dice = this.#random.next();
    if (dice < 0.5) this.#deliverAny();
    else if (dice < 0.65) node.group?.tick();
    else if (dice < 0.77) this.#finishAppend(node);
    else if (dice < 0.86) this.#finishApply(node);
    else if (dice < 0.91) this.#propose(node);
    else if (dice < 0.94) this.#read(node);
    else this.#disturbRarely(node, this.#random.next());
    this.#collect(node);
  }

  #disturbRarely(node: Node, dice: number): void {
    const random = this.#random;
    if (dice < 0.1) this.#crash(node);
    else if (dice < 0.35) {
      if (node.group === undefined) this.#start(node, undefined);
    } else if (dice < 0.5) {
      this.#cutOff = new Set(this.#nodes.flatMap(({ id }) => (random.chance(0.35) ? [id] : [])));
    } else if (dice < 0.6) this.#proposeMembership(node);
    else if (dice < 0.68) node.group?.transferLeader(random.between(1, this.#nodes.length));
    else if (dice < 0.74) node.group?.forgetLeader();
    else if (dice < 0.8) node.group?.reportUnreachable(random.between(1, this.#nodes.length));
    else if (dice < 0.86) node.store.compact(node.store.applied - random.between(0, 5));
    else if (dice < 0.9) node.group?.campaign();
    else if (dice < 0.93) node.backup = node.store.copy();
    else if (dice < 0.94) this.#loseData(node);
    else if (node.group !== undefined) {
      node.store.memoryFrom = random.chance(0.3) ? node.store.lastIndex() : 0;
      node.group.entriesFetched();
    }
  }

  #deliverAny(): void {
    const at = this.#random.between(0, this.#messages.length - 1);
    const message = this.#messages[at];
    if (message === undefined) return;
    if (!this.#random.chance(0.05)) this.#messages.splice(at, 1);
    const isCut = this.#cutOff.has(message.from) !== this.#cutOff.has(message.to);
    if (this.#random.chance(isCut ? 0.95 : 0.05)) this.#lose(message);
    else this.#deliver(message);
  }

  #deliver(message: Message): void {
    const node = this.#nodes[message.to - 1];
    if (node?.group === undefined) return;
    const outcome = node.group.step(message);
    if (outcome.kind === "refused" && outcome.reason === "malformed") {
      throw new Error(`a replica sent a malformed ${message.kind}`);
    }
    this.#collect(node);
  }

  #lose(message: Message): void {
    if (message.kind !== "snapshot") return;
    this.#nodes[message.from - 1]?.group?.reportSnapshot(message.to, false);
  }

  #collect(node: Node): void {
    while (node.group?.hasReady() === true) this.#carryOut(node, node.group.ready());
  }

  #carryOut(node: Node, ready: Ready): void {
    if (ready.softState?.role === "leader") this.#noteLeader(node);
    for (const read of ready.readStates) {
      const floor = node.reads.get(read.context);
      if (floor !== undefined && read.index < floor) {
        throw new Error(`a read at ${read.index} misses the write at ${floor}`);
      }
    }
    this.#messages.push(...ready.messages);
    if (ready.append !== undefined) node.appends.push(ready.append);
    if (ready.apply !== undefined) node.applies.push(ready.apply.entries);
  }

  #finishAppend(node: Node): void {
    const work = node.appends.shift();
    if (work === undefined || node.group === undefined) return;
    node.store.persist(work);
    if (work.snapshot !== undefined) this.#restore(node);
    for (const message of work.responses) {
      if (message.kind === "append-response" && !message.reject)
        this.#notePromise(node, message.index);
      if (message.to === node.id) node.group.step(message);
      else this.#messages.push(message);
    }
    if (work.done !== undefined) node.group.appended(work.done);
    this.#collect(node);
  }

  #notePromise(node: Node, index: number): void {
    const term = node.store.term(index);
    if (term === undefined) return;
    const isLater = term > node.promised.term || index > node.promised.index;
    if (isLater) node.promised = { index, term };
  }

  #finishApply(node: Node): void {
    const entries = node.applies.shift();
    if (entries === undefined || node.group === undefined) return;
    // A snapshot that was installed meanwhile covers them.
    const news = entries.filter((entry) => entry.index > node.applied);
    for (const entry of news) this.#apply(node, node.group, entry);
    const last = entries.at(-1);
    if (last === undefined) return;
    if (this.#random.chance(0.7)) this.#saveState(node);
    node.group.applied(last.index);
    this.#collect(node);
  }

  #apply(node: Node, group: RaftGroup, entry: Entry): void {
    if (entry.index !== node.applied + 1) throw new Error(`a gap before entry ${entry.index}`);
    if (entry.kind !== "normal")
      node.confState = group.applyConfChange(decodeConfChange(entry.data), entry.index);
    let state = node.state;
    for (const byte of [entry.term, ...entry.data]) state = (Math.imul(state, 31) + byte) >>> 0;
    node.state = state;
    node.applied = entry.index;
    this.#highestApplied = Math.max(this.#highestApplied, entry.index);
    const before = this.#applied.get(entry.index);
    if (before === undefined) {
      this.#applied.set(entry.index, { term: entry.term, inTerm: group.status().term, state });
    } else if (before.term !== entry.term || before.state !== state) {
      throw new Error(`replica ${node.id} applied something else at ${entry.index}`);
    }
  }

  #saveState(node: Node): void {
    node.store.applied = node.applied;
    node.store.confState = node.confState;
    node.store.state = new Uint8Array(new Uint32Array([node.state]).buffer);
  }

  #restore(node: Node): void {
    node.applied = node.store.applied;
    node.confState = node.store.confState;
    const bytes = node.store.state;
    node.state = bytes.length < 4 ? 0 : new DataView(bytes.buffer).getUint32(0, true);
    const known = this.#applied.get(node.applied);
    if (known !== undefined && known.state !== node.state) {
      throw new Error(`replica ${node.id} has another state at ${node.applied}`);
    }
  }

  /** Some of what was being written may have reached the disk; none of it was spoken of. */
  #crash(node: Node): void {
    if (node.group === undefined) return;
    const written = this.#random.between(0, node.appends.length);
    for (const work of node.appends.slice(0, written)) node.store.persist(work);
    node.group = undefined;
    node.appends = [];
    node.applies = [];
  }

  /** The store comes back as it was a while ago; term, vote and promise are remembered elsewhere. */
  #loseData(node: Node): void {
    const others = this.#nodes.filter((other) => other !== node);
    const isSafe = others.every((other) => other.group?.status().quarantined !== true);
    if (!isSafe || node.group === undefined || node.group.status().quarantined) return;
    if (others.some((other) => other.group === undefined)) return;
    this.#crash(node);
    const { term, vote } = node.store.hardState;
    const { commit } = node.backup.hardState;
    node.store = node.backup.copy();
    node.store.hardState = { term, vote, commit };
    this.#start(node, node.promised);
  }

  #start(node: Node, mustReach: LogPosition | undefined): void {
    this.#restore(node);
    node.reads = new Map();
    node.store.memoryFrom = 0;
    // A replica that was put in quarantine stays there over restarts.
    const { index, term } = mustReach ?? node.promised;
    const isWhole = node.store.term(index) === term || node.store.firstIndex() > index;
    node.group = new RaftGroup(
      {
        id: node.id,
        hardState: node.store.hardState,
        confState: node.store.confState,
        applied: node.store.applied,
        randomTicks: (min, max) => this.#random.between(min, max),
        electionTicks: 4,
        checkQuorum: this.#isPolite,
        preVote: this.#isPolite,
        maxMessageBytes: 40,
        maxInflightMessages: 3,
        maxInflightBytes: 0,
        maxCommittedBytesPerReady: 60,
        ...(isWhole ? {} : { mustReach: { index, term: node.store.hardState.term } }),
      },
      node.store,
    );
  }

  #propose(node: Node): void {
    const count = this.#random.between(1, 3);
    const data = Array.from({ length: count }, () => new Uint8Array([this.#nextValue++ & 0xff]));
    node.group?.propose(data);
  }

  #read(node: Node): void {
    const context = this.#nextRead++;
    if (node.group?.readIndex(context).kind === "accepted") {
      node.reads.set(context, this.#highestApplied);
    }
  }

  #proposeMembership(node: Node): void {
    const status = node.group?.status();
    if (status?.role !== "leader") return;
    if (status.confState.votersOutgoing.length > 0) {
      node.group?.proposeConfChange(LEAVE_JOINT);
      return;
    }
    const count = this.#random.between(1, 2);
    const changes = Array.from({ length: count }, () => this.#change(status.confState));
    const transition = this.#random.pick(["auto", "implicit", "explicit"] as const) ?? "auto";
    const change: ConfChange = { transition, changes, context: new Uint8Array(0) };
    node.group?.proposeConfChange(change);
  }

  #change(confState: ConfState): SingleChange {
    const replica = this.#random.between(1, this.#nodes.length);
    const canShrink = confState.voters.length > 3 && confState.voters.includes(replica);
    if (!canShrink) return { kind: "add-voter", replica };
    return { kind: this.#random.chance(0.5) ? "remove" : "add-learner", replica };
  }

  #newestMembers(): ReadonlySet<number> {
    const newest = this.#nodes.reduce((a, b) => (b.applied > a.applied ? b : a));
    const { voters, votersOutgoing, learners } = newest.confState;
    return new Set([...voters, ...votersOutgoing, ...learners]);
  }

  /** Everything that is under way arrives. */
  #settle(): void {
    for (let round = 0; round < 50; round++) {
      const messages = this.#messages;
      this.#messages = [];
      for (const message of messages) this.#deliver(message);
      for (const node of this.#nodes) {
        node.store.memoryFrom = 0;
        node.group?.entriesFetched();
        this.#collect(node);
        while (node.appends.length > 0) this.#finishAppend(node);
        while (node.applies.length > 0) this.#finishApply(node);
      }
      if (this.#messages.length === 0) return;
    }
  }

  #noteLeader(node: Node): void {
    const status = node.group?.status();
    if (node.group === undefined || status?.role !== "leader") return;
    if (status.quarantined) throw new Error(`replica ${node.id} leads without its log`);
    const other = this.#leaders.get(status.term) ?? node.id;
    if (other !== node.id) throw new Error(`${other} and ${node.id} lead term ${status.term}`);
    this.#leaders.set(status.term, node.id);
    for (const [index, entry] of this.#applied) {
      if (index < status.firstIndex || entry.inTerm >= status.term) continue;
      if (node.group.findTerm(index) !== entry.term) {
        throw new Error(`leader ${node.id} of term ${status.term} lacks the committed ${index}`);
      }
    }
  }

  #checkLogMatching(): void {
    for (const a of this.#nodes) {
      for (const b of this.#nodes) if (a.id < b.id) checkMatching(a.store, b.store);
    }
  }

  #checkAgreement(): void {
    const leader = this.#nodes.find((node) => node.group?.status().role === "leader");
    const status = leader?.group?.status();
    if (leader === undefined || status === undefined)
      throw new Error("a healed group has no leader");
    for (const { id, match } of status.followers) {
      const node = this.#nodes[id - 1];
      if (match !== status.lastIndex || node?.applied !== leader.applied) {
        throw new Error(`replica ${id} does not catch up in a healed group`);
      }
      if (node.group?.status().quarantined !== false) throw new Error(`${id} stays quarantined`);
    }
  }
}

function checkMatching(a: MemoryStore, b: MemoryStore): void {
  const first = Math.max(a.firstIndex(), b.firstIndex());
  let mustEqual = false;
  for (let index = Math.min(a.lastIndex(), b.lastIndex()); index >= first; index--) {
    const isEqual = a.term(index) === b.term(index);
    if (mustEqual && !isEqual) throw new Error(`two logs agree after but not at ${index}`);
    mustEqual ||= isEqual;
  }
}

function confOf(voters: readonly number[]): ConfState {
  return { voters, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
}
