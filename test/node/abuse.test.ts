import { once } from "node:events";
import { Client, credentials, type ServiceDefinition } from "@grpc/grpc-js";
import { expect } from "chai";
import { openRpcServer, type RpcServer } from "../../src/node/index.js";
import { createTestAuthority, type TestAuthority, type TestTls } from "../support/certificates.js";
import { Control } from "../support/hostile/control.js";
import { HANDSHAKES } from "../support/hostile/handshakes.js";
import { dialTcp, dialTls, ended, type Abuse, type Target } from "../support/hostile/sockets.js";

const asIs = (bytes: Buffer): Buffer => bytes;
const METHOD = {
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
  requestStream: true,
  responseStream: true,
} as const;
const ECHO: ServiceDefinition = {
  stream: { ...METHOD, path: "/test.Echo/Stream" },
  call: { ...METHOD, path: "/test.Echo/Call", requestStream: false, responseStream: false },
};
const HANDSHAKES_PER_ADDRESS_MAX = 128;

describe("a node's port, for a caller that", () => {
  let authority: TestAuthority;
  let stranger: TestTls;
  let tls: TestTls;
  let server: RpcServer;
  let others: { stop(): Promise<void> };
  let target: Target;

  before(async () => {
    authority = await createTestAuthority();
    tls = await authority.process("agora", "node", "bo");
    stranger = await (await createTestAuthority()).process("agora", "node", "bo");
  });

  beforeEach(async () => {
    server = await openRpcServer({
      address: "127.0.0.1:0",
      tls,
      handshakeMs: 300,
      services: [{ addTo: (served) => served.addService(ECHO, { stream: echoAll, call: echo }) }],
    });
    target = { port: server.port, ca: tls.ca };
    others = await callAgainAndAgain(server, tls);
  });

  afterEach(() => server.close());

  const ABUSES: Readonly<Record<string, Abuse>> = {
    ...HANDSHAKES,
    "shows no certificate": (at) => dialTls(at, { ALPNProtocols: ["h2"] }),
    "shows the certificate of another authority": (at) => {
      const { cert, key } = stranger;
      return dialTls(at, { ALPNProtocols: ["h2"], cert, key });
    },
  };
  for (const [what, abuse] of Object.entries(ABUSES)) {
    it(`${what}, has an end, and others notice nothing`, async () => {
      await ended(await abuse(target));
      await others.stop();
    });
  }

  it("speaks only an older TLS than 1.3, is refused", async () => {
    const { cert, key } = tls;
    const old = { ALPNProtocols: ["h2"], cert, key, maxVersion: "TLSv1.2" } as const;
    const failure = await dialTls(target, old).then(String, String);
    expect(failure).matches(/protocol version/u);
    await others.stop();
  });

  it("begins more than may wait, is not heard beyond, and others notice nothing", async () => {
    const many = Array.from({ length: HANDSHAKES_PER_ADDRESS_MAX }, () => dialTcp(target));
    const waiting = await Promise.all(many);
    const beyond = await dialTcp(target);
    await ended(beyond);
    expect(waiting.filter(({ closed }) => closed)).to.have.length(0);
    await Promise.all(waiting.map(ended));
    await ended(await dialTcp(target));
    await others.stop();
  });
});

type Stream = NodeJS.ReadWriteStream;

function echoAll(call: Stream): void {
  call.on("data", (bytes: Buffer) => call.write(bytes)).on("end", () => call.end());
}

function echo(
  call: { readonly request: Buffer },
  answer: (error: null, value: Buffer) => void,
): void {
  answer(null, call.request);
}

/** Over one connection, with a stream that was open before. */
async function callAgainAndAgain(
  { port }: RpcServer,
  tls: TestTls,
): Promise<{ stop(): Promise<void> }> {
  const channel = credentials.createSsl(tls.ca, tls.key, tls.cert);
  const client = new Client(`127.0.0.1:${port}`, channel, {
    "grpc.ssl_target_name_override": "localhost",
  });
  const stream = client.makeBidiStreamRequest("/test.Echo/Stream", asIs, asIs);
  const failures: Error[] = [];
  stream.on("error", (error) => failures.push(error));
  const word = Buffer.from("are you there");
  const ask = async (): Promise<void> => {
    stream.write(word);
    await once(stream, "data");
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest("/test.Echo/Call", asIs, asIs, word, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    for (const failure of failures) throw failure;
  };
  await ask();
  const control = new Control(ask);
  return {
    stop: async () => {
      await control.stop();
      stream.cancel();
      client.close();
    },
  };
}
