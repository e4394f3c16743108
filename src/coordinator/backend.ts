import type { Message } from "@bufbuild/protobuf";
import type { GatewayCall } from "../gateway/index.js";

/** What travels beside the messages of a call. The gateway needs none of it; a service behind the same edge may. */
export interface CallMetadata {
  /** Path and query, as they were sent. */
  readonly url: string;
  requestHeader(): Headers;
  /** Sent with the answer, whether it is one or a refusal. Made by asking for them. */
  readonly responseHeader: Headers;
  readonly responseTrailer: Headers;
}

export interface EdgeCall extends GatewayCall {
  readonly metadata: CallMetadata;
}

/** What answers behind this edge, whatever the protocol: the gateway. Failures are ClusterErrors, or ConnectErrors. */
export interface Backend {
  unary(call: EdgeCall): Promise<Message>;
  stream(call: EdgeCall): AsyncIterable<Message>;
}
