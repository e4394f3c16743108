import { BackOff } from "./back-off.js";
import { Child } from "./child.js";
import type { ChildExit, ChildKind, ChildSpec } from "./child.js";

export interface SupervisorOptions {
  readonly restart: boolean;
  /** A line that a process wrote. */
  readonly onLine: (name: string, text: string) => void;
  /** A word of the supervisor's own, for people. */
  readonly onNotice: (text: string) => void;
  /** A process runs under another id than before. */
  readonly onRestarted: () => void;
}

interface Supervised {
  readonly spec: ChildSpec;
  readonly backOff: BackOff;
  child: Child;
  /** It was ready once: its death is an accident, not a refusal to start. */
  served: boolean;
  restart: NodeJS.Timeout | undefined;
}

/** Drained first, so that no call meets a node that is gone. */
const DOORS: readonly ChildKind[] = ["coordinator", "fanout"];
const STOP_MS = 15_000;
/** A process that takes longer to be ready does not hold up the next one. */
const TURN_MS = 2000;

/**
 * Starts the processes of a cluster, starts again what dies, and stops them in order: doors drain, then nodes stop. If the
 * supervisor itself dies, its children see their channel close and end.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #supervised = new Map<string, Supervised>();
  #stopping = false;
  /** Processes that died together start again one by one: what survived needs the processors to take over. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Starts all at once; resolves when each has said that it is ready, fails as soon as one dies before. */
  async start(specs: readonly ChildSpec[]): Promise<void> {
    await Promise.all(specs.map((spec) => this.#startFirst(spec)));
  }

  pid(name: string): number {
    return this.#supervised.get(name)?.child.pid ?? 0;
  }

  about(name: string): Readonly<Record<string, string>> {
    return this.#supervised.get(name)?.child.about ?? {};
  }

  /** Idempotent. A process that does not end in time is killed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const all = [...this.#supervised.values()];
    for (const { restart } of all) clearTimeout(restart);
    const isDoor = ({ spec }: Supervised): boolean => DOORS.includes(spec.kind);
    await Promise.all(all.filter(isDoor).map((one) => this.#stopOne(one)));
    await Promise.all(all.filter((one) => !isDoor(one)).map((one) => this.#stopOne(one)));
  }

  kill(): void {
    this.#stopping = true;
    for (const { child } of this.#supervised.values()) child.kill("SIGKILL");
  }

  async #startFirst(spec: ChildSpec): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const backOff = new BackOff();
      const ready = (): void => {
        supervised.served = true;
        resolve();
      };
      const child = this.#run(spec, backOff, ready, (exit) => {
        if (!exit.wasReady) reject(new Error(describeStillborn(spec.name, exit)));
      });
      const supervised: Supervised = { spec, backOff, child, served: false, restart: undefined };
      this.#supervised.set(spec.name, supervised);
    });
  }

  #run(
    spec: ChildSpec,
    backOff: BackOff,
    onReady: () => void,
    onExit: (exit: ChildExit) => void,
  ): Child {
    return new Child(spec, {
      ready: onReady,
      line: (text) => this.#options.onLine(spec.name, text),
      exited: (exit) => {
        onExit(exit);
        this.#onExit(spec, backOff, exit);
      },
    });
  }

  #onExit(spec: ChildSpec, backOff: BackOff, exit: ChildExit): void {
    const supervised = this.#supervised.get(spec.name);
    if (this.#stopping || supervised?.served !== true) return;
    if (!this.#options.restart) {
      this.#options.onNotice(`${spec.name} died (${exit.how}) and stays away`);
      return;
    }
    const delayMs = backOff.delayMs(exit.livedMs);
    this.#options.onNotice(`${spec.name} died (${exit.how}); it starts again in ${delayMs} ms`);
    supervised.restart = setTimeout(() => {
      this.#turn = this.#turn.then(() => this.#restart(supervised));
    }, delayMs);
  }

  /** Resolves when the next one may start. */
  async #restart(supervised: Supervised): Promise<void> {
    if (this.#stopping) return;
    const { spec, backOff } = supervised;
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, TURN_MS);
      const ended = (): void => {
        clearTimeout(late);
        resolve();
      };
      const ready = (): void => {
        this.#options.onNotice(`${spec.name} is back`);
        ended();
      };
      supervised.child = this.#run(spec, backOff, ready, ended);
      this.#options.onRestarted();
    });
  }

  async #stopOne({ spec, child }: Supervised): Promise<void> {
    child.kill("SIGTERM");
    const late = setTimeout(() => {
      this.#options.onNotice(`${spec.name} did not stop within ${STOP_MS / 1000} s and is killed`);
      child.kill("SIGKILL");
    }, STOP_MS);
    await child.exited;
    clearTimeout(late);
  }
}

function describeStillborn(name: string, { how, lastWords }: ChildExit): string {
  return [`${name} ended before it was ready (${how})`, ...lastWords].join("\n");
}
