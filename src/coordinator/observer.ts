export interface ObservedCall {
  /** Full name, such as `cabildo.v1.EventService`. */
  readonly service: string;
  readonly method: string;
  readonly type: "unary" | "server_stream" | "client_stream" | "bidi_stream";
  /** grpc, grpc-web or connect. */
  readonly protocol: string;
}

/** Told of every call to a method that exists. */
export interface CallObserver {
  /** A call begins; the returned function is called once, at its end, with the name of its gRPC code (`OK`, `NotFound`). */
  started(call: ObservedCall): (code: string) => void;
}
