import { readFile } from "node:fs/promises";
import { createClient } from "@connectrpc/connect";
import type { Client, Interceptor, Transport } from "@connectrpc/connect";
import type { DescService } from "@bufbuild/protobuf";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AuthService } from "../../../gen/cabildo/v1/auth_pb.js";
import type { Session } from "./session.js";

const TIMEOUT_MS = 15_000;

/** Where the API is, and whose certificates it may show. */
export interface Endpoint {
  readonly api: string;
  /** PEM file. */
  readonly ca: string;
}

async function createTransport(
  { api, ca }: Endpoint,
  interceptors: Interceptor[],
): Promise<Transport> {
  return createConnectTransport({
    baseUrl: api,
    httpVersion: "1.1",
    useBinaryFormat: true,
    defaultTimeoutMs: TIMEOUT_MS,
    nodeOptions: { ca: await readFile(ca) },
    interceptors,
  });
}

/** The methods that need no token. */
export async function connectAnonymously(endpoint: Endpoint): Promise<Client<typeof AuthService>> {
  return createClient(AuthService, await createTransport(endpoint, []));
}

/** A service, called as the user of a session; its access token is renewed when it is about to end. */
export async function connectAs<Service extends DescService>(
  session: Session,
  service: Service,
): Promise<Client<Service>> {
  const { api, ca } = await session.context();
  const authorize: Interceptor = (next) => async (request) => {
    request.header.set("authorization", `Bearer ${(await session.context()).accessToken}`);
    return await next(request);
  };
  return createClient(service, await createTransport({ api, ca }, [authorize]));
}
