import type { StatusResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { assert } from "../base/index.js";
import type { ShardNumber } from "../placement/index.js";
import type { NodeAddress } from "./dial.js";

/** What a node said of itself, of its replicas, and of others. */
export type Answered = Pick<StatusResponse, "node" | "nodes" | "replicas">;
type Replica = StatusResponse["replicas"][number];

/** Whether most of those that answer for a shard say that the node is in it: who was taken out may say anything. */
export function mostName(node: string, replicas: readonly Pick<Replica, "members">[]): boolean {
  const naming = replicas.filter(({ members }) => members.some((member) => member.node === node));
  return 2 * naming.length > replicas.length;
}

export interface MembersListener {
  met(node: NodeAddress): void;
  placed(shard: ShardNumber, nodes: readonly string[]): void;
}

/** Which nodes there are and who votes in each shard: as the cluster was formed, then as its nodes say. */
export class KnownMembers {
  readonly #addresses: Map<string, string>;
  readonly #placed = new Map<ShardNumber, string>();
  readonly #listener: MembersListener;

  constructor(nodes: readonly NodeAddress[], listener: MembersListener) {
    this.#addresses = new Map(nodes.map(({ name, address }) => [name, address]));
    this.#listener = listener;
  }

  /** Names. */
  get nodes(): readonly string[] {
    return [...this.#addresses.keys()];
  }

  learn(answers: readonly Answered[]): void {
    for (const { nodes } of answers) for (const node of nodes) this.#meet(node);
    const told = new Map<ShardNumber, Told[]>();
    for (const { node, replicas } of answers) {
      for (const replica of replicas) {
        told.set(replica.shard, [...(told.get(replica.shard) ?? []), { node, replica }]);
      }
    }
    for (const [shard, all] of told) {
      const { members } = latestOf(all);
      const voters = members.filter(({ learner, leaving }) => !learner && !leaving);
      this.#place(
        shard,
        voters.map(({ node }) => node).filter((node) => this.#addresses.has(node)),
      );
    }
  }

  #meet({ name, address }: NodeAddress): void {
    // The address that this process was started with is believed: it may go another way than the nodes themselves.
    if (address === "" || this.#addresses.has(name)) return;
    this.#addresses.set(name, address);
    this.#listener.met({ name, address });
  }

  #place(shard: ShardNumber, nodes: readonly string[]): void {
    const text = nodes.join();
    if (nodes.length === 0 || this.#placed.get(shard) === text) return;
    this.#placed.set(shard, text);
    this.#listener.placed(shard, nodes);
  }
}

interface Told {
  readonly node: string;
  readonly replica: Replica;
}

/** Members change as entries are applied: who has applied most knows them best, of those that the others know as members. */
function latestOf(all: readonly Told[]): Replica {
  const others = (node: string) =>
    all.filter((told) => told.node !== node).map(({ replica }) => replica);
  const believed = all.filter(({ node }) => mostName(node, others(node)));
  const [first, ...rest] = (believed.length > 0 ? believed : all).map(({ replica }) => replica);
  assert(first !== undefined, "a shard is told of by somebody");
  return rest.reduce((best, next) => (next.applied > best.applied ? next : best), first);
}
