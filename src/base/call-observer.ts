export interface ObservedCall {
  /** Full name, such as `cabildo.v1.EventService`. */
  readonly service: string;
  readonly method: string;
  readonly type: "unary" | "server_stream" | "client_stream" | "bidi_stream";
  /** grpc, grpc-web, connect, rest or ws. */
  readonly protocol: string;
}

/** Told of one call. */
export interface CallNote {
  /** A message of the caller was read. */
  received(): void;
  /** A message is on its way to the caller. */
  sent(): void;
  /** Once, with the name of the gRPC code (`OK`, `NotFound`). */
  ended(code: string): void;
}

/** Told of every call to a method that exists: what a client makes up is no name to count by. */
export interface CallObserver {
  started(call: ObservedCall): CallNote;
}
