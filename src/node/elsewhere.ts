import type { StatusResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import type { ShardNumber } from "../placement/index.js";
import { KnownMembers } from "../shards/index.js";
import type { MembersPupil, NodeAddress, ShardNode } from "../shards/index.js";
import type { NodeServicesOptions } from "./context.js";
import { Repeated } from "./repeated.js";

const LOOK_MS = 3000;
const ASK_TIMEOUT_MS = 1000;

type Options = Pick<
  NodeServicesOptions,
  "nodeName" | "nodes" | "replicas" | "rangeMap" | "calls" | "after"
> & { readonly shards: MembersPupil };

/**
 * What there is in shards that this node does not host: it asks their members now and then, and tells whoever calls shards from
 * here, with what is known of its own.
 */
export class Elsewhere {
  /** Taken out of such a shard. */
  readonly removed = new Set<string>();
  readonly #options: Options;
  readonly #own: () => StatusResponse;
  readonly #members: KnownMembers;
  readonly #found: NodeAddress[] = [];
  readonly #holders = new Map<ShardNumber, readonly string[]>();
  readonly #looking: Repeated;

  constructor(options: Options, own: () => StatusResponse) {
    this.#options = options;
    this.#own = own;
    for (const { name, replicas } of options.nodes) {
      for (const { shard } of replicas) {
        this.#holders.set(shard, [...(this.#holders.get(shard) ?? []), name]);
      }
    }
    this.#members = new KnownMembers(options.nodes, {
      met: (node) => {
        this.#found.push(node);
        options.calls.learn([node]);
      },
      placed: (shard, nodes) => this.#holders.set(shard, nodes),
    });
    this.#looking = new Repeated({
      after: options.after,
      pauseMs: LOOK_MS,
      work: () => this.#look(),
      // Who is silent is asked again.
      failed: () => undefined,
    });
  }

  /** Those that the cluster was not formed with, but for who was taken out and is in no other of these shards. */
  get found(): readonly ShardNode[] {
    const held = new Set([...this.#holders.values()].flat());
    return this.#found
      .filter(({ name }) => held.has(name) || !this.removed.has(name))
      .map((node) => ({ ...node, replicas: [] }));
  }

  close(): void {
    this.#looking.close();
  }

  async #look(): Promise<void> {
    const { nodeName, replicas, rangeMap, shards, calls } = this.#options;
    const others = rangeMap.shards.filter(
      ({ number }) => !replicas.some(({ shard }) => shard === number),
    );
    const holders = others.flatMap(({ number }) => this.#holders.get(number) ?? []);
    // Whom the cluster was formed with may all be gone: then it is those that others know.
    const asked = new Set([...holders, ...this.found.map(({ name }) => name)]);
    asked.delete(nodeName);
    const answers = await Promise.all(
      [...asked].map((name) => calls.status(name, ASK_TIMEOUT_MS).catch(() => undefined)),
    );
    const heard = answers.filter((answer) => answer !== undefined);
    this.#members.learn(heard);
    shards.learn([...heard, this.#own()]);
    for (const { removed } of heard) for (const name of removed) this.removed.add(name);
  }
}
