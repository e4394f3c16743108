import type { Clock, PeerHello } from "./ports.js";

/** A node that said nothing for this long is not counted on. */
const STALE_MS = 10_000;
/** A wall clock further off the others' than this is wrong, and its node leads only if no other can. */
const CLOCK_OFF_MS = 10_000;

interface Condition {
  /** Wall clock less this node's monotonic one. */
  readonly offsetMs: number;
  readonly heardAtMs: number;
  readonly isDiskFull: boolean;
  readonly featureLevel: number;
  readonly isDraining: boolean;
}

/** What the nodes said of their clocks and disks, and whether they are to lead, lately. */
export class NodeConditions {
  readonly #own: string;
  readonly #clock: Clock;
  readonly #heard = new Map<string, Condition>();
  isOwnDiskFull = false;
  isOwnDraining = false;

  constructor(own: string, clock: Clock) {
    this.#own = own;
    this.#clock = clock;
  }

  hear({ node, wallMs, diskFull, featureLevel, draining }: PeerHello): void {
    const heardAtMs = this.#clock.monotonicMs();
    const offsetMs = wallMs - heardAtMs;
    this.#heard.set(node, {
      ...{ offsetMs, heardAtMs, featureLevel },
      ...{ isDiskFull: diskFull, isDraining: draining },
    });
  }

  /** Of another node: what it announced lately, if it did. */
  featureLevelOf(node: string): number | undefined {
    return this.#find(node)?.featureLevel;
  }

  /** Only as far as is known: a node that was not heard of is taken to have room. */
  isDiskFull(node: string): boolean {
    if (node === this.#own) return this.isOwnDiskFull;
    return this.#find(node)?.isDiskFull ?? false;
  }

  #isDraining(node: string): boolean {
    if (node === this.#own) return this.isOwnDraining;
    return this.#find(node)?.isDraining ?? false;
  }

  /** The lower median of the wall clocks of a group's voters; undefined where fewer than a quorum are known. */
  medianWallMs(voters: readonly string[]): number | undefined {
    const clocks = voters.flatMap((node) => this.#wallMsOf(node) ?? []).sort((x, y) => x - y);
    if (clocks.length < Math.floor(voters.length / 2) + 1) return undefined;
    return clocks[Math.floor((clocks.length - 1) / 2)];
  }

  isClockOff(node: string, voters: readonly string[]): boolean {
    const wallMs = this.#wallMsOf(node);
    const medianMs = this.medianWallMs(voters);
    if (wallMs === undefined || medianMs === undefined) return false;
    return Math.abs(wallMs - medianMs) > CLOCK_OFF_MS;
  }

  /** A node that is not fit leads a group only where no other can. */
  isFit(node: string, voters: readonly string[]): boolean {
    return !this.isDiskFull(node) && !this.#isDraining(node) && !this.isClockOff(node, voters);
  }

  #wallMsOf(node: string): number | undefined {
    if (node === this.#own) return this.#clock.wallMs();
    const condition = this.#find(node);
    return condition && this.#clock.monotonicMs() + condition.offsetMs;
  }

  #find(node: string): Condition | undefined {
    const condition = this.#heard.get(node);
    if (condition === undefined) return undefined;
    return this.#clock.monotonicMs() - condition.heardAtMs > STALE_MS ? undefined : condition;
  }
}
