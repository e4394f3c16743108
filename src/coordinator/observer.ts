export interface ObservedCall {
  /** Full name, such as `cabildo.v1.EventService`. */
  readonly service: string;
  readonly method: string;
  readonly type: "unary" | "server_stream" | "client_stream" | "bidi_stream";
  /** grpc, grpc-web or connect. */
  readonly protocol: string;
}

/** Told of one call. */
export interface CallNote {
  /** A message of the client was read. */
  received(): void;
  /** A message is on its way to the client. */
  sent(): void;
  /** Once, with the name of the gRPC code (`OK`, `NotFound`). */
  ended(code: string): void;
}

/** Told of every call to a method that exists. */
export interface CallObserver {
  started(call: ObservedCall): CallNote;
}
