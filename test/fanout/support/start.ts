import { startFanout } from "../../../src/fanout/index.js";
import type {
  Fanout,
  FanoutEvent,
  FanoutOptions,
  TransportKind,
} from "../../../src/fanout/index.js";
import { testCertificate } from "./certificate.js";
import { FakeGateway } from "./fake-gateway.js";
import { FakeShards } from "./fake-shards.js";

/** Everything a test of the whole tier holds in its hands. */
export interface Stage<Shards = FakeShards, Door = FakeGateway> {
  readonly fanout: Fanout;
  readonly shards: Shards;
  readonly gateway: Door;
  readonly events: FanoutEvent[];
  readonly port: number;
  /** Moves the clocks that the fan-out looks at. */
  advance(ms: number): void;
}

export function start(
  transport: TransportKind,
  options: Partial<FanoutOptions> = {},
  shards = new FakeShards(),
  gateway = new FakeGateway(),
): Promise<Stage> {
  return startBefore(shards, gateway, transport, options);
}

/** The same before whatever shards and gateway there are. */
export async function startBefore<
  Shards extends FanoutOptions["shards"],
  Door extends FanoutOptions["gateway"],
>(
  shards: Shards,
  gateway: Door,
  transport: TransportKind,
  options: Partial<FanoutOptions>,
): Promise<Stage<Shards, Door>> {
  const events: FanoutEvent[] = [];
  let skippedMs = 0;
  const { limits, ...rest } = options;
  const fanout = await startFanout({
    gateway,
    shards,
    tls: testCertificate(),
    host: "127.0.0.1",
    port: 0,
    transport,
    name: "fanout-1",
    clock: {
      monotonicMs: () => performance.now() + skippedMs,
      wallMs: () => Date.now() + skippedMs,
      after: (delayMs, run) => {
        const timer = setTimeout(run, delayMs);
        return () => {
          clearTimeout(timer);
        };
      },
      soon: (run) => {
        setImmediate(run);
      },
    },
    random: () => 0,
    observer: (event) => events.push(event),
    limits: { sweepMs: 20, ...limits },
    ...rest,
  });
  return {
    fanout,
    shards,
    gateway,
    events,
    port: fanout.port,
    advance: (ms) => {
      skippedMs += ms;
    },
  };
}
