import { create, isMessage } from "@bufbuild/protobuf";
import type {
  DescMessage,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Caller } from "../domain/index.js";
import { InvariantViolation, type CancelSignal } from "../base/index.js";
import type { ShardPosition } from "../shards/index.js";
import type { ShardCalls } from "./shard-calls.js";
import type { ChannelGrant } from "./types.js";

/** Who calls, and the shards as seen from this call. */
export interface Call {
  readonly caller: Caller;
  readonly shards: ShardCalls;
  readonly signal: CancelSignal;
  /** Of the client, as this door sees it. */
  readonly remoteAddress: string;
  /** When the caller's token ends, by the wall clock; Infinity without a token. */
  readonly expireTimeMs: number;
  /** Fails once the caller's session has ended. */
  recheck(): Promise<void>;
  /** The caller's right to hear a channel, as of no earlier than `after`; refused with not-found without one. */
  authorizeChannel(channel: string, after: readonly ShardPosition[]): Promise<ChannelGrant>;
}

export type Handler =
  | {
      readonly kind: "unary";
      readonly method: MethodName;
      run(call: Call, request: Message): Promise<Message>;
    }
  | {
      readonly kind: "stream";
      readonly method: MethodName;
      run(call: Call, request: Message): AsyncIterable<Message>;
    };

/** Such as `cabildo.v1.EventService/CreateEvent`. */
export type MethodName = string;

export function methodName(method: {
  readonly parent: DescService;
  readonly name: string;
}): MethodName {
  return `${method.parent.typeName}/${method.name}`;
}

export function unary<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethodUnary<Input, Output>,
  handle: (call: Call, request: MessageShape<Input>) => Promise<MessageInitShape<Output>>,
): Handler {
  return {
    kind: "unary",
    method: methodName(method),
    run: async (call, request) =>
      create(method.output, await handle(call, requireShape(request, method.input))),
  };
}

export function serverStream<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethodServerStreaming<Input, Output>,
  handle: (call: Call, request: MessageShape<Input>) => AsyncIterable<MessageInitShape<Output>>,
): Handler {
  return {
    kind: "stream",
    method: methodName(method),
    async *run(call, request) {
      for await (const response of handle(call, requireShape(request, method.input))) {
        yield create(method.output, response);
      }
    },
  };
}

function requireShape<Desc extends DescMessage>(message: Message, desc: Desc): MessageShape<Desc> {
  if (isMessage(message, desc)) return message;
  throw new InvariantViolation(`a door gave ${message.$typeName} where ${desc.typeName} belongs`);
}
