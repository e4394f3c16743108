import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { ChannelCredentials } from "@grpc/grpc-js";

const same = (bytes: Buffer): Buffer => bytes;

/** One connection and one method, bytes in and out: the same client for every server that is measured. */
export class UnaryGrpc {
  readonly #client: Client;
  readonly #path: string;
  readonly #metadata = new Metadata();

  constructor(options: {
    readonly address: string;
    readonly path: string;
    readonly ca?: string;
    readonly token?: string;
  }) {
    const secure: ChannelCredentials =
      options.ca === undefined
        ? credentials.createInsecure()
        : credentials.createSsl(Buffer.from(options.ca));
    this.#client = new Client(options.address, secure);
    this.#path = options.path;
    if (options.token !== undefined) this.renew(options.token);
  }

  /** Goes on with another one: they end after five minutes. */
  renew(token: string): void {
    this.#metadata.set("authorization", `Bearer ${token}`);
  }

  call(request: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        this.#path,
        same,
        same,
        Buffer.from(request.buffer, request.byteOffset, request.byteLength),
        this.#metadata,
        (error) => {
          if (error === null) resolve();
          else reject(error);
        },
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}
