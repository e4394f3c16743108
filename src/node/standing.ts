import { ClusterError } from "../base/index.js";
import { mostName } from "../shards/index.js";
import type { ShardNode } from "../shards/index.js";
import type { NodeServicesOptions } from "./context.js";

const ASK_TIMEOUT_MS = 1000;
/** How long the answers of others hold. */
const HOLDS_MS = 2000;

interface Heard {
  readonly atMs: number;
  readonly isMember: boolean;
}

type Options = Pick<NodeServicesOptions, "nodeName" | "replicas" | "removed" | "calls">;

/**
 * Whether a node was taken out of the cluster: by what is applied here, and by what others say of the shards that this node does
 * not host. Its certificate goes on being valid.
 */
export class Standing {
  readonly #options: Options;
  readonly #elsewhere: ReadonlySet<string>;
  readonly #nodes: () => readonly ShardNode[];
  readonly #heard = new Map<string, Promise<Heard>>();

  constructor(
    options: Options,
    removedElsewhere: ReadonlySet<string>,
    nodes: () => readonly ShardNode[],
  ) {
    this.#options = options;
    this.#elsewhere = removedElsewhere;
    this.#nodes = nodes;
  }

  get knowsRemoved(): boolean {
    return this.#options.removed.size + this.#elsewhere.size > 0;
  }

  /** In a shard that this node hosts. */
  isMemberHere(node: string): boolean {
    return this.#options.replicas.some((replica) =>
      replica.status().members.some((member) => member.node === node),
    );
  }

  /** Taken out of a shard, and in none that this node hosts. */
  isRemovedHere(node: string): boolean {
    const wasTakenOut = this.#options.removed.has(node) || this.#elsewhere.has(node);
    return wasTakenOut && !this.isMemberHere(node);
  }

  /** Fails where it is removed here, unless other nodes say that it is in another shard. */
  async refuseRemoved(node: string): Promise<void> {
    if (!this.isRemovedHere(node)) return;
    if (!(await this.#ask(node)).isMember) throw noMember(node);
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
    const heard = answers.flatMap((answer) => answer?.replicas ?? []);
    const shards = new Set(heard.map(({ shard }) => shard));
    return {
      atMs: performance.now(),
      isMember: [...shards].some((one) =>
        mostName(
          node,
          heard.filter(({ shard }) => shard === one),
        ),
      ),
    };
  }
}

export function noMember(node: string): ClusterError {
  return new ClusterError("permission-denied", `${node} is no member of this cluster`);
}
