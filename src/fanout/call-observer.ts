export interface ObservedCall {
  /** Full name, such as `cabildo.v1.EventService`. */
  readonly service: string;
  readonly method: string;
  readonly type: "unary";
  readonly protocol: "ws";
}

/** Told of one call. */
export interface CallNote {
  /** The request was read. */
  received(): void;
  /** The response is on its way to the client. */
  sent(): void;
  /** Once, with the name of the gRPC code (`OK`, `NotFound`). */
  ended(code: string): void;
}

/** Told of every call to a method that exists: what a client makes up is no name to count by. */
export interface CallObserver {
  started(call: ObservedCall): CallNote;
}
