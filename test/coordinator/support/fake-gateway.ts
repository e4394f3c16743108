import { create } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import { ClusterError } from "../../../src/base/index.js";
import type {
  Authenticated,
  ChannelGrant,
  Gateway,
  GatewayCall,
  Positions,
} from "../../../src/gateway/index.js";

/** Answers every call with an empty message, or as it is told to; remembers what it was asked. */
export class FakeGateway implements Gateway {
  readonly calls: GatewayCall[] = [];
  answer: (call: GatewayCall) => Message | Promise<Message> = ({ method }) => create(method.output);
  messages: (call: GatewayCall) => AsyncIterable<Message> = (call) => once(call);
  readonly positions: Positions = {
    encode: () => "",
    decode: () => [],
  };

  get last(): GatewayCall {
    const call = this.calls.at(-1);
    if (call === undefined) throw new Error("the gateway was not called");
    return call;
  }

  async unary(call: GatewayCall): Promise<Message> {
    this.calls.push(call);
    return await this.answer(call);
  }

  stream(call: GatewayCall): AsyncIterable<Message> {
    this.calls.push(call);
    return this.messages(call);
  }

  authenticate(): Promise<Authenticated> {
    return Promise.reject(new ClusterError("unauthenticated", "log in"));
  }

  chosenChannels(): Promise<never> {
    return Promise.reject(new Error("not here"));
  }

  callerOf(): Promise<never> {
    return Promise.reject(new Error("not here"));
  }

  readonly audit = { record: () => Promise.resolve(), refused: () => undefined };

  authorizeChannel(): Promise<ChannelGrant> {
    return Promise.resolve({ since: 0 });
  }
}

async function* once({ method }: GatewayCall): AsyncGenerator<Message> {
  yield create(method.output);
}
