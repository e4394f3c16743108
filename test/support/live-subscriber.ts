import WebSocket from "ws";

/** A push as it arrives. */
export interface Push {
  readonly channel: string;
  readonly change: {
    readonly kind: string;
    readonly resourceName: string;
    readonly shard: string;
    readonly sequence: string;
    readonly previousSequence?: string;
    readonly position: string;
    readonly event?: { readonly title: string; readonly name: string };
    readonly notification?: { readonly type: string; readonly subject: string };
  };
}

interface Frame {
  readonly id?: number;
  readonly connect?: unknown;
  readonly subscribe?: { readonly channels: readonly SubscribedChannel[] };
  readonly push?: Push;
  readonly error?: { readonly code: string; readonly message: string };
}

interface SubscribedChannel {
  readonly channel: string;
  readonly position: string;
  readonly recovered: boolean;
}

const BACK_OFF_MS = 100;

/**
 * Listens to channels over WSS and goes on after every loss from the last position it saw, as any client may. Keeps
 * everything it heard, in the order in which it came.
 */
export class LiveSubscriber {
  readonly pushes: Push[] = [];
  readonly problems: string[] = [];
  reconnects = 0;
  readonly #urls: readonly string[];
  readonly #ca: string;
  readonly #token: string;
  readonly #channels: readonly string[];
  readonly #positions = new Map<string, string>();
  #since: readonly string[] = [];
  #socket: WebSocket | undefined;
  #closed = false;
  #subscribed: () => void = () => undefined;
  /** Resolves when the first subscription stands. */
  readonly subscribed = new Promise<void>((resolve) => {
    this.#subscribed = resolve;
  });

  constructor(options: {
    readonly urls: readonly string[];
    readonly ca: string;
    readonly token: string;
    readonly channels: readonly string[];
  }) {
    this.#urls = options.urls;
    this.#ca = options.ca;
    this.#token = options.token;
    this.#channels = options.channels;
    this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#socket?.terminate();
  }

  /** Drops the connection without a word, as a network does. */
  drop(): void {
    this.#socket?.terminate();
  }

  #connect(): void {
    if (this.#closed) return;
    const url = this.#urls[this.reconnects % this.#urls.length] ?? "";
    const socket = new WebSocket(url, "cabildo.v1.json", { ca: this.#ca });
    this.#socket = socket;
    socket.on("open", () => {
      socket.send(JSON.stringify({ id: 1, connect: { token: this.#token } }));
      const since = [...this.#since, ...this.#positions.values()];
      socket.send(JSON.stringify({ id: 2, subscribe: { channels: this.#channels, since } }));
    });
    socket.on("message", (data: Buffer) => {
      for (const line of data.toString().split("\n")) {
        if (line !== "") this.#hear(JSON.parse(line) as Frame);
      }
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.reconnects++;
      setTimeout(() => {
        this.#connect();
      }, BACK_OFF_MS);
    });
  }

  #hear(frame: Frame): void {
    if (frame.error !== undefined) this.problems.push(JSON.stringify(frame));
    if (frame.push !== undefined) {
      this.pushes.push(frame.push);
      this.#positions.set(frame.push.change.shard, frame.push.change.position);
    }
    if (frame.subscribe !== undefined) {
      for (const { recovered } of frame.subscribe.channels) {
        if (!recovered && this.reconnects > 0 && this.#since.length > 0) {
          this.problems.push(`not recovered: ${JSON.stringify(frame)}`);
        }
      }
      if (this.#since.length === 0) {
        this.#since = frame.subscribe.channels.map(({ position }) => position);
      }
      this.#subscribed();
    }
  }
}
