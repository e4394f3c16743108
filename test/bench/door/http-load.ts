export type HttpVersion = "1.1" | "2";

export interface HttpCall {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly body?: Uint8Array | string;
}

/** Calls over connections that are kept, with one token. */
export interface HttpLoad {
  /** Goes on with another one: they end after five minutes. */
  renew(token: string): void;
  /** Fails if the answer is anything but a success. */
  call(call: HttpCall): Promise<void>;
  close(): void;
}

export interface HttpAnswer {
  readonly status: number | undefined;
  readonly body: Buffer;
}

export function headersOf({ contentType, body }: HttpCall, token: string) {
  return {
    authorization: `Bearer ${token}`,
    "content-type": contentType,
    ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
  };
}

/** Throws unless it is a success; that of gRPC-Web stands in the body. */
export function requireSuccess({ contentType }: HttpCall, { status, body }: HttpAnswer): void {
  const isWeb = contentType.startsWith("application/grpc-web");
  if (status === 200 && (!isWeb || body.includes("grpc-status: 0"))) return;
  throw new Error(`HTTP ${status}: ${body.toString("latin1")}`);
}
