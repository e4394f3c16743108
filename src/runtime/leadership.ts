import { NONE } from "../raft/index.js";
import type { RaftGroup, ReplicaId, SoftState } from "../raft/index.js";
import { Candidacy } from "./candidacy.js";
import { HandOver } from "./hand-over.js";
import { notLeader } from "./refusals.js";
import type { ReplicaHost } from "./replica-host.js";
import { Succession } from "./succession.js";

const TRANSFER_TIMEOUT_MS = 3000;

export interface LeadershipOptions {
  readonly host: ReplicaHost;
  readonly group: RaftGroup;
  readonly replica: ReplicaId;
  /** Of the group, as of what is applied here. */
  readonly voters: () => readonly ReplicaId[];
  readonly nodeOf: (replica: ReplicaId) => string;
  /** The group has something to do. */
  readonly changed: () => void;
}

/** Who leads the group, as far as one replica knows, and what it does for that to be the right one. */
export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #candidacy: Candidacy;
  readonly #handOver: HandOver;
  readonly #succession: Succession;
  #soft: SoftState = { leader: NONE, role: "follower" };
  #goneLeader: ReplicaId = NONE;

  constructor(options: LeadershipOptions) {
    this.#options = options;
    const { host, group, nodeOf, changed } = options;
    const { clock, random, limits, conditions } = host;
    this.#candidacy = new Candidacy(group, limits.electionTicks);
    this.#handOver = new HandOver(group, clock, (replica) =>
      conditions.isFit(nodeOf(replica), this.voterNodes),
    );
    this.#succession = new Succession({
      ...{ group, clock, random },
      withinMs: limits.goneCampaignMsMax,
      rank: () => this.#rank(),
      campaigned: changed,
    });
  }

  get isOwn(): boolean {
    return this.#soft.role === "leader";
  }

  /** NONE while nobody is known. */
  get leader(): ReplicaId {
    return this.#soft.leader;
  }

  get leaderNode(): string {
    return this.#options.nodeOf(this.#soft.leader);
  }

  /** Nodes whose replicas vote in this group. */
  get voterNodes(): readonly string[] {
    return this.#options.voters().map(this.#options.nodeOf);
  }

  /** Whether this node should lead the group while another can. */
  get isFit(): boolean {
    const { conditions, nodeName } = this.#options.host;
    return conditions.isFit(nodeName, this.voterNodes);
  }

  /** Its node was told what the others remember. */
  settle(): void {
    this.#candidacy.settle();
  }

  /** A tick of the group. */
  tick(): void {
    this.#candidacy.tick(this.#soft.role, this.#soft.leader !== NONE, this.isFit);
    this.#options.group.tick();
    this.#handOver.tick();
  }

  /** Returns what it was. */
  become(soft: SoftState): SoftState {
    const was = this.#soft;
    this.#soft = soft;
    this.#handOver.roleChanged(soft);
    return was;
  }

  /** To `to`, or whoever is best. Resolves with the node that leads then. */
  async transfer(to: ReplicaId | undefined, timeoutMs = TRANSFER_TIMEOUT_MS): Promise<string> {
    if (!this.isOwn) throw notLeader(this.leaderNode);
    this.#options.changed();
    return this.#options.nodeOf(await this.#handOver.begin(to, timeoutMs));
  }

  /** What this replica promises would never be durable: another one has to lead, or at least not this one. */
  yield(atOnce: boolean): void {
    if (!this.isOwn) return;
    if (atOnce) this.#options.group.stepDown();
    else if (!this.#handOver.isUnderWay) this.transfer(undefined).catch(() => undefined);
    this.#options.changed();
  }

  /** The leader's node is gone for certain: do not wait for the election timeout. */
  gone(): void {
    if (this.#soft.leader === NONE || this.isOwn) return;
    this.#goneLeader = this.#soft.leader;
    this.#succession.begin();
    this.#options.changed();
  }

  stop(): void {
    this.#succession.end();
  }

  /** How many voters come before this one, without the leader that is gone: everyone counts the same. */
  #rank(): number {
    const { replica, voters } = this.#options;
    return voters().filter((voter) => voter < replica && voter !== this.#goneLeader).length;
  }
}
