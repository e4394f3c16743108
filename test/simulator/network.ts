import type {
  IncomingSnapshot,
  OutgoingSnapshot,
  PeerListener,
  PeerMessage,
  PeerTransport,
  SnapshotSink,
} from "../../src/runtime/index.js";
import type { SeededRandom } from "../raft/seeded-random.js";
import type { ProcessLife } from "./process-life.js";
import type { VirtualTime } from "./virtual-time.js";

const SNAPSHOT_CHUNK_BYTES = 2048;
/** A transfer of which nothing is heard for so long has failed. */
const SNAPSHOT_TIMEOUT_MS = 1500;
/** After this time without an answer a connection counts as lost. */
const KEEP_ALIVE_MS = 700;
const REPLAY_MS_MAX = 3000;

/** How messages travel; probabilities for each frame. */
export interface NetworkWeather {
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly loss: number;
  readonly duplicate: number;
  readonly overtake: number;
}

export const CALM: NetworkWeather = {
  delayMs: 0.3,
  jitterMs: 0.3,
  loss: 0,
  duplicate: 0,
  overtake: 0,
};

/** What the network did to frames so far. */
export interface NetworkCounts {
  lost: number;
  duplicated: number;
  overtaken: number;
  delayed: number;
  blocked: number;
  toTheDead: number;
  refused: number;
}

interface Host {
  readonly name: string;
  readonly life: ProcessLife;
  readonly listener: PeerListener;
  /** Peers' lives that this one let in. */
  readonly admitted: Map<string, ProcessLife>;
}

/** The network between nodes, as bad as the weather and whoever cuts its links want it to be. */
export class SimulatedNetwork {
  weather: NetworkWeather = CALM;
  readonly counts: NetworkCounts = {
    ...{ lost: 0, duplicated: 0, overtaken: 0, delayed: 0, blocked: 0, toTheDead: 0, refused: 0 },
  };
  /** Sees every message that leaves. */
  readonly #sent: (from: string, message: PeerMessage) => void;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #hosts = new Map<string, Host>();
  readonly #cut = new Set<string>();
  /** When the last frame of a link arrives: frames keep their order unless one overtakes. */
  readonly #arrival = new Map<string, number>();

  constructor(options: {
    readonly time: VirtualTime;
    readonly random: SeededRandom;
    readonly sent: (from: string, message: PeerMessage) => void;
  }) {
    this.#time = options.time;
    this.#random = options.random;
    this.#sent = options.sent;
  }

  open(name: string, life: ProcessLife, listener: PeerListener): PeerTransport {
    const host: Host = { name, life, listener, admitted: new Map() };
    this.#hosts.set(name, host);
    return {
      send: (to, messages) => this.#send(host, to, messages),
      sendSnapshot: (to, snapshot) => this.#sendSnapshot(host, to, snapshot),
      close: () => Promise.resolve(),
    };
  }

  /** The process is gone. Where its machine still stands, peers that reach it notice that nobody listens. */
  close(name: string, isNoticed: boolean): void {
    this.#hosts.delete(name);
    for (const peer of this.#hosts.values()) {
      if (!isNoticed || this.#isCut(peer.name, name) || this.#isCut(name, peer.name)) continue;
      this.#time.after(this.#random.next() * 3, () => {
        peer.life.enter(() => peer.listener.disconnected(name, true));
      });
    }
  }

  /** Nothing goes from one to the other until the cut is healed; after a while they notice. */
  cut(from: string, to: string): void {
    const link = linkName(from, to);
    if (this.#cut.has(link)) return;
    this.#cut.add(link);
    this.#time.after(KEEP_ALIVE_MS, () => {
      if (!this.#cut.has(link)) return;
      for (const [host, other] of [
        [this.#hosts.get(from), to],
        [this.#hosts.get(to), from],
      ] as const) {
        host?.life.enter(() => host.listener.disconnected(other, false));
      }
    });
  }

  heal(from: string, to: string): void {
    this.#cut.delete(linkName(from, to));
  }

  healAll(): void {
    this.#cut.clear();
    this.weather = CALM;
  }

  #isCut(from: string, to: string): boolean {
    return this.#cut.has(linkName(from, to));
  }

  #send(from: Host, to: string, messages: readonly PeerMessage[]): void {
    for (const message of messages) this.#sent(from.name, message);
    const random = this.#random;
    const { loss, duplicate, overtake, delayMs, jitterMs } = this.weather;
    if (random.chance(loss)) {
      this.counts.lost++;
      return;
    }
    const link = linkName(from.name, to);
    let atMs = this.#time.nowMs + delayMs + random.next() * jitterMs;
    if (delayMs > CALM.delayMs) this.counts.delayed++;
    if (overtake > 0 && random.chance(overtake)) {
      this.counts.overtaken++;
      atMs += random.next() * 20 * (delayMs + jitterMs);
    } else {
      atMs = Math.max(atMs, this.#arrival.get(link) ?? 0);
      this.#arrival.set(link, atMs);
    }
    this.#planArrival(from, to, messages, atMs);
    if (duplicate > 0 && random.chance(duplicate)) {
      this.counts.duplicated++;
      this.#planArrival(from, to, messages, atMs + random.next() ** 3 * REPLAY_MS_MAX);
    }
  }

  #planArrival(from: Host, to: string, messages: readonly PeerMessage[], atMs: number): void {
    this.#time.after(atMs - this.#time.nowMs, () => this.#arrive(from, to, messages));
  }

  #arrive(from: Host, to: string, messages: readonly PeerMessage[]): void {
    if (this.#isCut(from.name, to)) {
      this.counts.blocked++;
      return;
    }
    const host = this.#hosts.get(to);
    if (host === undefined) {
      this.counts.toTheDead++;
      return;
    }
    host.life.enter(() => {
      if (this.#isAdmitted(from, host)) host.listener.receive(from.name, messages);
    });
  }

  /** The first words of a connection: those of a life that ended may still be on their way. */
  #isAdmitted(from: Host, host: Host): boolean {
    if (host.admitted.get(from.name) === from.life) return true;
    if (!from.life.isAlive) return false;
    const refusal = host.listener.admit(from.listener.hello(host.name));
    if (refusal !== undefined) {
      this.counts.refused++;
      return false;
    }
    host.admitted.set(from.name, from.life);
    return true;
  }

  async #sendSnapshot(from: Host, to: string, snapshot: OutgoingSnapshot): Promise<boolean> {
    const transfer = this.#transfer(from, to, snapshot).catch(() => false);
    return Promise.race([transfer, this.#stall()]);
  }

  async #transfer(from: Host, to: string, snapshot: OutgoingSnapshot): Promise<boolean> {
    const { source, shard, to: replica, term } = snapshot;
    const { state } = source;
    const host = this.#hosts.get(to);
    if (host === undefined || !(await this.#isPassing(from, host))) return false;
    if (!this.#isAdmitted(from, host)) return false;
    const incoming: IncomingSnapshot = {
      ...{ shard, from: snapshot.from, to: replica, term, snapshotId: String(state.index) },
      ...{ index: state.index, indexTerm: state.term, confState: state.confState },
    };
    const sink = await host.listener.beginSnapshot(incoming);
    if (sink === undefined) return false;
    // The disk of a sender that died answers no more: who receives gives up, and takes nothing from it afterwards.
    const course = { isOver: false };
    const copied = this.#copyRows(from, host, snapshot, sink, course).catch(() => false);
    const isCopied = await Promise.race([copied, this.#stall()]);
    course.isOver = true;
    if (!isCopied) {
      await host.listener.abandonSnapshot(incoming, sink, true);
      return false;
    }
    const isInstalled = await host.listener.finishSnapshot(incoming, sink);
    return (await this.#isPassing(host, from)) && isInstalled;
  }

  /** False where it broke off. */
  async #copyRows(
    from: Host,
    to: Host,
    { source, pace }: OutgoingSnapshot,
    sink: SnapshotSink,
    course: { readonly isOver: boolean },
  ): Promise<boolean> {
    await source.seek(sink.lastKey);
    for (;;) {
      const rows = await source.next(SNAPSHOT_CHUNK_BYTES);
      if (!(await this.#isPassing(from, to))) return false;
      if (rows === undefined) return true;
      await pace(rows.reduce((bytes, { value }) => bytes + value.length, 0));
      if (course.isOver) return false;
      await sink.write(rows);
    }
  }

  async #stall(): Promise<false> {
    await this.#time.sleep(SNAPSHOT_TIMEOUT_MS);
    return false;
  }

  /** One chunk goes over; false where it did not arrive. */
  async #isPassing(from: Host, to: Host): Promise<boolean> {
    await this.#time.sleep(this.weather.delayMs + this.#random.next() * this.weather.jitterMs);
    const isLost = this.#random.chance(this.weather.loss * 0.3);
    return !isLost && !this.#isCut(from.name, to.name) && from.life.isAlive && to.life.isAlive;
  }
}

function linkName(from: string, to: string): string {
  return `${from}>${to}`;
}
