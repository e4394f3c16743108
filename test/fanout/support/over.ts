import { expect } from "chai";
import { probeNativeTransport } from "../../../src/fanout/index.js";
import type { FanoutOptions, TransportKind } from "../../../src/fanout/index.js";
import { LiveClient, channelsOf } from "./live-client.js";
import { start } from "./start.js";
import type { Stage } from "./start.js";

export const TRANSPORTS = ["uws", "ws"] as const satisfies readonly TransportKind[];

/** Leaves out what is described over a transport that this machine has not. */
export function leaveOutWhereMissing(kind: TransportKind): void {
  before(async function () {
    // Node 22 and later have no native build of uWebSockets.js on this system: only `ws` serves there.
    if (kind === "uws" && !(await probeNativeTransport()).native) this.skip();
  });
}

/** What the tests of one transport open; all of it is closed after each of them. */
export interface Opened {
  readonly clients: LiveClient[];
  /** Undefined before the first of a test. */
  readonly last: () => Stage | undefined;
  /** Another fan-out, over the shards and the gateway of one before if there is one. */
  readonly begin: (
    options?: Partial<FanoutOptions>,
    from?: Partial<Pick<Stage, "shards" | "gateway">>,
  ) => Promise<Stage>;
  // Connections to the last of them.
  readonly open: (protocols?: readonly string[]) => Promise<LiveClient>;
  readonly as: (user: string) => Promise<LiveClient>;
  readonly listening: (user: string, ...channels: readonly string[]) => Promise<LiveClient>;
}

export function openOver(kind: TransportKind): Opened {
  const stages: Stage[] = [];
  const clients: LiveClient[] = [];
  leaveOutWhereMissing(kind);
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    for (const { fanout } of stages.splice(0)) await fanout.close();
  });
  const connect = async (open: (port: number) => Promise<LiveClient>): Promise<LiveClient> => {
    const client = await open(stages.at(-1)?.port ?? 0);
    clients.push(client);
    return client;
  };
  const as = (user: string): Promise<LiveClient> => connect((port) => LiveClient.as(user, port));
  return {
    clients,
    last: () => stages.at(-1),
    begin: async (options = {}, from = {}) => {
      const stage = await start(kind, options, from.shards, from.gateway);
      stages.push(stage);
      return stage;
    },
    open: (protocols) => connect((port) => LiveClient.open(port, protocols)),
    as,
    listening: async (user, ...channels) => {
      const client = await as(user);
      const answer = await client.ask({ subscribe: { channels } });
      expect(channelsOf(answer)).to.have.length(channels.length);
      return client;
    },
  };
}

/** The clock of a fan-out on which nothing comes back that was taken of a rate, and timers run. */
export const STILL: FanoutOptions["clock"] = {
  monotonicMs: () => 0,
  wallMs: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (run) => void setImmediate(run),
};
