import { ClusterError } from "../base/index.js";
import type { NodeServicesOptions } from "./context.js";
import type { ShardNode } from "../shards/index.js";

const ASK_TIMEOUT_MS = 1000;
/** How long the answers of others hold. */
const HOLDS_MS = 2000;

interface Heard {
  readonly atMs: number;
  readonly answers: number;
  readonly isMember: boolean;
  readonly isRemoved: boolean;
}

type Options = Pick<NodeServicesOptions, "nodeName" | "replicas" | "removed" | "calls">;

/**
 * What a node is to this cluster, by what is applied here, and by what other nodes say of shards that this one does not host.
 * Its certificate goes on being valid when it was taken out.
 */
export class Standing {
  readonly #options: Options;
  readonly #nodes: () => readonly ShardNode[];
  readonly #heard = new Map<string, Promise<Heard>>();

  constructor(options: Options, nodes: () => readonly ShardNode[]) {
    this.#options = options;
    this.#nodes = nodes;
  }

  /** In a shard that this node hosts. */
  isMemberHere(node: string): boolean {
    return this.#options.replicas.some((replica) =>
      replica.status().members.some((member) => member.node === node),
    );
  }

  /** Taken out of a shard that this node hosts, and in none of them. */
  isRemovedHere(node: string): boolean {
    return this.#options.removed.has(node) && !this.isMemberHere(node);
  }

  /** Fails unless the node is a member of some shard. */
  async requireMember(node: string): Promise<void> {
    if (this.isMemberHere(node)) return;
    const { isMember, answers } = await this.#ask(node);
    if (isMember) return;
    if (answers > 0 || this.#options.removed.has(node)) throw noMember(node);
    throw new ClusterError("unreachable", `no other node says whether ${node} is a member`);
  }

  /** Fails where the node was taken out of a shard, and is a member of none. */
  async refuseRemoved(node: string): Promise<void> {
    if (this.isMemberHere(node)) return;
    const { isMember, isRemoved } = await this.#ask(node);
    if (!isMember && (isRemoved || this.#options.removed.has(node))) throw noMember(node);
  }

  async #ask(node: string): Promise<Heard> {
    const before = this.#heard.get(node);
    if (before !== undefined && performance.now() - (await before).atMs < HOLDS_MS) return before;
    const asked = this.#askOthers(node);
    this.#heard.set(node, asked);
    return asked;
  }

  /** All but the one in question: what it says of itself counts for nothing. */
  async #askOthers(node: string): Promise<Heard> {
    const { nodeName, calls } = this.#options;
    const known = this.#nodes();
    calls.learn(known);
    const others = known.filter(({ name }) => name !== node && name !== nodeName);
    const answers = await Promise.all(
      others.map(({ name }) => calls.status(name, ASK_TIMEOUT_MS).catch(() => undefined)),
    );
    const heard = answers.filter((answer) => answer !== undefined);
    return {
      atMs: performance.now(),
      answers: heard.length,
      isMember: heard.some(({ replicas }) =>
        replicas.some(({ members }) => members.some((member) => member.node === node)),
      ),
      isRemoved: heard.some(({ removed }) => removed.includes(node)),
    };
  }
}

export function noMember(node: string): ClusterError {
  return new ClusterError("permission-denied", `${node} is no member of this cluster`);
}
