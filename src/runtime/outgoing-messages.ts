import type { ShardNumber } from "../placement/index.js";
import type { Message, ReplicaId } from "../raft/index.js";
import type { Clock, PeerMessage } from "./ports.js";

export interface OutgoingMessagesPorts {
  readonly clock: Clock;
  /** How long a commit index alone waits for entries that would take it along. */
  readonly holdMs: number;
  /** Empty if it is not known. */
  readonly nodeOf: (replica: ReplicaId) => string;
  readonly send: (node: string, messages: readonly PeerMessage[]) => void;
  /** Something waits for the next flush. */
  readonly changed: () => void;
}

/** What the replicas of this node say to others, until the turn of the event loop ends: then it leaves as one frame a node. */
export class OutgoingMessages {
  readonly #ports: OutgoingMessagesPorts;
  readonly #waiting = new Map<string, PeerMessage[]>();
  /** The latest append to a replica that brings nothing but a commit index. */
  readonly #held = new Map<ReplicaId, PeerMessage>();
  #releasePlanned = false;
  #isStopped = false;

  constructor(ports: OutgoingMessagesPorts) {
    this.#ports = ports;
  }

  add(shard: ShardNumber, message: Message): void {
    if (message.kind !== "append") this.#enqueue({ shard, message });
    else if (message.entries.length > 0) {
      // It brings a commit index at least as high.
      this.#held.delete(message.to);
      this.#enqueue({ shard, message });
    } else {
      this.#held.set(message.to, { shard, message });
      this.#planRelease();
    }
  }

  flush(): void {
    if (this.#waiting.size === 0) return;
    for (const [node, messages] of this.#waiting) this.#ports.send(node, messages);
    this.#waiting.clear();
  }

  /** What is held never leaves. */
  stop(): void {
    this.#isStopped = true;
  }

  #enqueue(item: PeerMessage): void {
    const node = this.#ports.nodeOf(item.message.to);
    if (node === "") return;
    const waiting = this.#waiting.get(node);
    if (waiting === undefined) this.#waiting.set(node, [item]);
    else waiting.push(item);
    this.#ports.changed();
  }

  #planRelease(): void {
    if (this.#releasePlanned) return;
    this.#releasePlanned = true;
    this.#ports.clock.after(this.#ports.holdMs, () => {
      this.#releasePlanned = false;
      if (this.#isStopped) return;
      for (const item of this.#held.values()) this.#enqueue(item);
      this.#held.clear();
    });
  }
}
