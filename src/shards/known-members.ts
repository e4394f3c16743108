import type { StatusResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import type { ShardNumber } from "../placement/index.js";
import type { NodeAddress } from "./dial.js";

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

  learn(answers: readonly StatusResponse[]): void {
    for (const { nodes } of answers) for (const node of nodes) this.#meet(node);
    const latest = new Map<ShardNumber, StatusResponse["replicas"][number]>();
    for (const status of answers.flatMap(({ replicas }) => replicas)) {
      const known = latest.get(status.shard);
      // Members change as entries are applied: who has applied most knows them best.
      if (known === undefined || known.applied < status.applied) latest.set(status.shard, status);
    }
    for (const [shard, { members }] of latest) {
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
