import { connect } from "node:http2";
import type { ClientHttp2Session, SecureClientSessionOptions } from "node:http2";

export interface HttpAnswer {
  readonly status: number;
  /** Of headers and trailers, where one has it. */
  readonly grpcStatus: string | undefined;
  readonly grpcMessage: string;
  readonly body: Buffer;
}

/** One HTTP/2 connection that is opened again when it is lost. */
export class Http2Client {
  readonly #url: string;
  readonly #tls: SecureClientSessionOptions;
  #session: ClientHttp2Session | undefined;

  constructor(url: string, tls: SecureClientSessionOptions) {
    this.#url = url;
    this.#tls = tls;
  }

  /** What is not answered within `patienceMs` is left. */
  send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
    patienceMs: number,
  ): Promise<HttpAnswer> {
    const head = { ...headers, ":method": method, ":path": path };
    // Else a GET could have no body: it is nothing that the other side may rely on.
    const stream = this.#connection().request(head, { endStream: false });
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let status = 0;
      let grpcStatus: string | undefined;
      let grpcMessage = "";
      const note = (fields: Readonly<Record<string, unknown>>): void => {
        const said = fields["grpc-status"];
        if (typeof said !== "string") return;
        grpcStatus = said;
        const words = fields["grpc-message"];
        grpcMessage = typeof words === "string" ? decodeURIComponent(words) : "";
      };
      const timer = setTimeout(() => stream.close(), patienceMs);
      stream.on("response", (fields) => {
        status = fields[":status"] ?? 0;
        note(fields);
      });
      stream.on("trailers", note);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", () => undefined);
      stream.on("close", () => {
        clearTimeout(timer);
        resolve({ status, grpcStatus, grpcMessage, body: Buffer.concat(chunks) });
      });
      stream.end(body);
    });
  }

  close(): void {
    this.#session?.destroy();
  }

  #connection(): ClientHttp2Session {
    const session = this.#session;
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    const opened = connect(this.#url, this.#tls);
    opened.on("error", () => undefined);
    this.#session = opened;
    return opened;
  }
}

const GRPC_CODES =
  "ok canceled unknown invalid_argument deadline_exceeded not_found already_exists permission_denied " +
  "resource_exhausted failed_precondition aborted out_of_range unimplemented internal unavailable data_loss " +
  "unauthenticated";
const CODE_NAMES = GRPC_CODES.split(" ");

/** The code of an answer in whatever protocol, in small letters. */
export function codeOf({ status, grpcStatus, body }: HttpAnswer): string {
  const text = body.toString("latin1");
  const number = grpcStatus ?? /grpc-status: ?(\d+)/u.exec(text)?.[1];
  if (number !== undefined) return CODE_NAMES[Number(number)] ?? "! no such code";
  const code = /"code": ?"([a-z_]+)"/u.exec(text)?.[1] ?? /"status": ?"([A-Z_]+)"/u.exec(text)?.[1];
  if (status >= 400 || text.includes('"error"')) return code?.toLowerCase() ?? `http ${status}`;
  return status === 0 ? "cut off" : "ok";
}

/** A message with the five bytes that go before it on a stream; now and then they say what is not so. */
export function enveloped(flags: number, message: Uint8Array): Uint8Array {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
