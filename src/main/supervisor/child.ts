import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export type ChildKind = "node" | "coordinator" | "fanout";

/** How a process of the cluster is started. */
export interface ChildSpec {
  readonly name: string;
  readonly kind: ChildKind;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

export interface ChildExit {
  /** Such as `exit code 1` or `signal SIGKILL`. */
  readonly how: string;
  readonly wasReady: boolean;
  readonly livedMs: number;
  /** The last lines that the process wrote. */
  readonly lastWords: readonly string[];
}

export interface ChildEvents {
  ready(): void;
  line(text: string): void;
  exited(exit: ChildExit): void;
}

const LAST_WORDS_MAX = 5;

/** One run of a process: from its start to its exit. It says over IPC that it is ready, and ends when that channel closes. */
export class Child {
  readonly #process: ChildProcess;
  readonly #startedMs = performance.now();
  readonly #lastWords: string[] = [];
  #ready = false;
  #about: Readonly<Record<string, string>> = {};
  readonly exited: Promise<void>;

  constructor(spec: ChildSpec, events: ChildEvents) {
    this.#process = spawn(spec.command, spec.args, {
      env: spec.env,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#process.on("message", (message) => {
      if (!isReady(message) || this.#ready) return;
      this.#ready = true;
      this.#about = message.about ?? {};
      events.ready();
    });
    const heard = [this.#process.stdout, this.#process.stderr].map((stream) =>
      this.#listen(stream, events),
    );
    this.exited = new Promise((resolve) => {
      const end = (how: string): void => {
        void Promise.all(heard).then(() => {
          const livedMs = performance.now() - this.#startedMs;
          events.exited({ how, wasReady: this.#ready, livedMs, lastWords: this.#lastWords });
          resolve();
        });
      };
      this.#process.once("error", (cause) => end(`it did not start: ${cause.message}`));
      this.#process.once("exit", (code, signal) =>
        end(signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`),
      );
    });
  }

  /** What the process said of itself when it was ready. */
  get about(): Readonly<Record<string, string>> {
    return this.#about;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async #listen(stream: Readable | null, events: ChildEvents): Promise<void> {
    if (stream === null) return;
    for await (const line of createInterface({ input: stream })) {
      this.#lastWords.push(line);
      if (this.#lastWords.length > LAST_WORDS_MAX) this.#lastWords.shift();
      events.line(line);
    }
  }
}

function isReady(
  message: unknown,
): message is { readonly about?: Readonly<Record<string, string>> } {
  return (
    typeof message === "object" && message !== null && "kind" in message && message.kind === "ready"
  );
}
