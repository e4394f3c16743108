import { create } from "@bufbuild/protobuf";
import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import type { LoginResponse } from "../../gen/cabildo/v1/auth_pb.js";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import type { Event, EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { sha256Hex } from "../../src/auth/index.js";
import { ClusterError } from "../../src/base/index.js";
import { createGateway } from "../../src/gateway/index.js";
import type { GatewayCall, GatewayOptions, RunningGateway } from "../../src/gateway/index.js";
import { MemoryShards } from "../support/memory-shards.js";

export const BOOTSTRAP = "the first credential";
export const PASSWORD = "correct horse battery";
const HOUR_MS = 3_600_000;

/** A clock that the test moves; timers run for real. */
export class TestClock {
  aheadMs = 0;
  monotonicMs = (): number => performance.now() + this.aheadMs;
  wallMs = (): number => Date.now() + this.aheadMs;
  after = (delayMs: number, run: () => void): (() => void) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  };
}

/** A gateway over shards in memory, and calls to it as a door would make them. */
export class GatewayBench {
  readonly shards = new MemoryShards();
  readonly clock = new TestClock();
  readonly gateway: RunningGateway;

  constructor(options: Partial<GatewayOptions> = {}) {
    this.shards.wallMs = this.clock.wallMs;
    this.gateway = createGateway({
      ...options,
      shards: this.shards,
      clusterId: "01test",
      clock: this.clock,
      bootstrapHash: sha256Hex(BOOTSTRAP),
    });
  }

  static async open(options: Partial<GatewayOptions> = {}): Promise<GatewayBench> {
    const bench = new GatewayBench(options);
    await bench.gateway.ready();
    return bench;
  }

  async call<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    token?: string,
    more: Partial<GatewayCall> = {},
  ): Promise<MessageShape<Output>> {
    const response = await this.gateway.unary({ ...this.#call(method, request, token), ...more });
    return response as MessageShape<Output>;
  }

  stream<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodServerStreaming<Input, Output>,
    request: MessageInitShape<Input>,
    token: string,
    signal?: AbortSignal,
  ): AsyncIterable<MessageShape<Output>> {
    const responses = this.gateway.stream(this.#call(method, request, token, signal));
    return responses as AsyncIterable<MessageShape<Output>>;
  }

  async person(userId: string): Promise<LoginResponse> {
    await this.call(AuthService.method.register, { userId, password: PASSWORD });
    return await this.call(AuthService.method.login, { userId, password: PASSWORD });
  }

  async createEvent(
    token: string,
    calendar: string,
    over: MessageInitShape<typeof EventSchema> = {},
    requestId = "",
  ): Promise<Event> {
    return await this.call(
      EventService.method.createEvent,
      { parent: `calendars/${calendar}`, event: eventInit(over), requestId },
      token,
    );
  }

  #call(
    method: DescMethodUnary | DescMethodServerStreaming,
    request: MessageInitShape<DescMessage>,
    token: string | undefined,
    signal = new AbortController().signal,
  ) {
    return {
      method,
      request: create(method.input, request),
      token,
      deadlineMs: this.clock.monotonicMs() + 10_000,
      signal,
      remoteAddress: "127.0.0.1",
    };
  }
}

export function eventInit(over: MessageInitShape<typeof EventSchema> = {}) {
  const startMs = 1_900_000_000_000;
  return {
    title: "Council",
    span: {
      case: "timed" as const,
      value: {
        startTime: timestampFromMs(startMs),
        endTime: timestampFromMs(startMs + HOUR_MS),
        timeZone: "America/Havana",
      },
    },
    ...over,
  };
}

export async function failureOf(work: Promise<unknown>): Promise<ClusterError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof ClusterError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

export async function collect<Item>(
  items: AsyncIterable<Item>,
  isEnough: (items: readonly Item[]) => boolean,
): Promise<readonly Item[]> {
  const collected: Item[] = [];
  for await (const item of items) {
    collected.push(item);
    if (isEnough(collected)) break;
  }
  return collected;
}
