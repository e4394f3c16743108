import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { channelOptions, type RpcMethod } from "../../src/wire/index.js";
import type { TestTls } from "./certificates.js";

/** Closed by whoever asked for it. */
export function dialNode({ ca, key, cert }: TestTls, address: string, name: string): Client {
  return new Client(address, credentials.createSsl(ca, key, cert), channelOptions(name));
}

export function callUnary<Request, Response>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: RpcMethod<Request, Response>,
  request: Request,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error("no response"));
      },
    );
  });
}

/** What gRPC says, such as `7 PERMISSION_DENIED: ...`; `answered` if it is none. */
export function refusalOf(answer: Promise<unknown>): Promise<string> {
  return answer.then(
    () => "answered",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}
