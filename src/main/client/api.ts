import { readFile } from "node:fs/promises";
import { createClient } from "@connectrpc/connect";
import type { Client } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AuthService } from "../../../gen/cabildo/v1/auth_pb.js";
import { createCabildo } from "../../client/index.js";
import type { Cabildo, LiveState } from "../../client/index.js";
import type { Session } from "./session.js";

const TIMEOUT_MS = 15_000;

/** Where the API is, and whose certificates it may show. */
export interface Endpoint {
  readonly api: string;
  /** PEM file. */
  readonly ca: string;
}

/** The methods that need no token. */
export async function connectAnonymously({
  api,
  ca,
}: Endpoint): Promise<Client<typeof AuthService>> {
  const transport = createConnectTransport({
    baseUrl: api,
    httpVersion: "1.1",
    useBinaryFormat: true,
    defaultTimeoutMs: TIMEOUT_MS,
    nodeOptions: { ca: await readFile(ca) },
  });
  return createClient(AuthService, transport);
}

/** The whole API as the user of a session, whose access token is renewed when it is about to end. */
export async function openCabildo(
  session: Session,
  onLiveState: (state: LiveState) => void = () => undefined,
): Promise<Cabildo> {
  const { api, wss, ca } = await session.context();
  return createCabildo({
    api: [api],
    live: [wss],
    ca: await readFile(ca, "utf8"),
    tokens: { accessToken: async () => (await session.context()).accessToken },
    onLiveState,
  });
}
