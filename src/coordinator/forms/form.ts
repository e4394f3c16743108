import type { Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { ClusterError } from "../../base/index.js";
import type { SentMetadata } from "../exchange-metadata.js";
import type { Answer } from "../exchange.js";

/** Ours, or what a service said in words of its own. */
export type Refusal = ClusterError | ConnectError;

/** How one call is written in one protocol: the only difference between them on the way to the gateway and back. */
export interface Form {
  /** For who observes: grpc, grpc-web, connect or rest. */
  readonly protocol: string;
  /** Bytes that a body may have for its message to be no longer than it may be. */
  readonly bodyBytesMax: number;
  /** Refuses with a ClusterError. */
  decode(body: Uint8Array): Message;
  answer(response: Message, sent?: SentMetadata): Answer;
  refuse(failure: Refusal, sent?: SentMetadata): Answer;
}
