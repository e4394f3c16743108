import { EventEmitter, once } from "node:events";
import { LiveSubscriber } from "../../support/live-subscriber.js";
import type { Person, UpCluster } from "../../support/up-cluster.js";
import { percentile } from "../percentile.js";

const EVERY_MS = 100;
const CHANNEL = "calendars/ana";

/** Writes ten times a second over one connection, and hears each write on one stream and one socket. */
export class ControlClient {
  readonly #person: Person;
  readonly #socket: LiveSubscriber;
  readonly #leaving = new AbortController();
  readonly #heard = new EventEmitter();
  readonly #errors: string[] = [];
  #written = 0;

  private constructor(person: Person, socket: LiveSubscriber) {
    this.#person = person;
    this.#socket = socket;
    void this.#follow();
  }

  static async open(cluster: UpCluster): Promise<ControlClient> {
    const person = await cluster.person("ana");
    const { ca, ready } = cluster;
    const socket = new LiveSubscriber({
      ...{ urls: ready.wsss, ca, token: person.accessToken, channels: [CHANNEL] },
    });
    await socket.subscribed;
    return new ControlClient(person, socket);
  }

  async measure(seconds: number) {
    const [calls, streams, sockets]: number[][] = [[], [], []];
    const endMs = performance.now() + seconds * 1000;
    this.#errors.length = 0;
    const reconnects = this.#socket.reconnects;
    while (performance.now() < endMs) {
      const next = new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      const title = `n${(this.#written += 1)}`;
      const beganMs = performance.now();
      const pushes = this.#socket.pushes.length;
      const onStream = once(this.#heard, title).then(() => performance.now());
      await this.#write(title);
      calls?.push(performance.now() - beganMs);
      streams?.push((await onStream) - beganMs);
      while (
        !this.#socket.pushes.slice(pushes).some((push) => push.change.event?.title === title)
      ) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      sockets?.push(performance.now() - beganMs);
      await next;
    }
    if (this.#socket.reconnects > reconnects) this.#errors.push("the socket was ended");
    return {
      callP99Ms: percentile(calls ?? [], 0.99),
      streamP99Ms: percentile(streams ?? [], 0.99),
      socketP99Ms: percentile(sockets ?? [], 0.99),
      calls: calls?.length ?? 0,
      errors: [...this.#errors, ...this.#socket.problems.splice(0)],
    };
  }

  close(): void {
    this.#leaving.abort();
    this.#socket.close();
  }

  async #write(title: string): Promise<void> {
    const startTime = { seconds: BigInt(1_800_000_000 + this.#written * 60) };
    const endTime = { seconds: startTime.seconds + 60n };
    const span = { case: "timed", value: { startTime, endTime } } as const;
    try {
      await this.#person.events.createEvent({ parent: CHANNEL, event: { title, span } });
    } catch (cause) {
      this.#errors.push(String(cause));
      this.#heard.emit(title);
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#leaving;
    try {
      for await (const { changes } of this.#person.sync.watchChanges(
        { channel: CHANNEL },
        { signal },
      )) {
        for (const { resource } of changes) {
          if (resource.case === "event") this.#heard.emit(resource.value.title);
        }
      }
    } catch (cause) {
      if (!signal.aborted) this.#errors.push(`the stream: ${String(cause)}`);
    }
  }
}
