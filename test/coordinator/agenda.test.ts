import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import { expect } from "chai";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import type { LoginResponse } from "../../gen/cabildo/v1/auth_pb.js";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { SyncService } from "../../gen/cabildo/v1/sync_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { eventInit, GatewayBench, PASSWORD } from "../gateway/support.js";
import { openDoor, type Door } from "./support/door.js";
import { failure } from "./support/failure.js";

const LIST = "/cabildo.v1.EventService/ListEvents";
const JSON_TYPE = { "content-type": "application/json" };

const base64url = (value: object): string =>
  Buffer.from(JSON.stringify(value)).toString("base64url");

function parts(token: string): [string, string, string] {
  const [head = "", body = "", signature = ""] = token.split(".");
  return [head, body, signature];
}

describe("a coordinator before the agenda", function () {
  this.timeout(30_000);
  let bench: GatewayBench;
  let door: Door;
  let ana: LoginResponse;

  before(async () => {
    bench = await GatewayBench.open();
    const { gateway } = bench;
    door = await openDoor({
      gateway,
      ready: () => gateway.isReady(),
      jwks: () => gateway.jwks(),
    });
    const auth = createClient(AuthService, requireTransport("gRPC"));
    await auth.register({ userId: "ana", password: PASSWORD });
    ana = await auth.login({ userId: "ana", password: PASSWORD });
  });
  after(async () => {
    await door.close();
  });

  function requireTransport(protocol: string): Transport {
    const transport = door.transports[protocol];
    if (transport === undefined) throw new Error(`no client for ${protocol}`);
    return transport;
  }

  const asAna = () => ({ headers: { authorization: `Bearer ${ana.accessToken}` } });

  it("shows one event alike over every protocol", async () => {
    const seen = [];
    for (const transport of Object.values(door.transports)) {
      const events = createClient(EventService, transport);
      const request = { parent: "calendars/ana", event: eventInit(), requestId: "same" };
      const created = await events.createEvent(request, asAna());
      const got = await events.getEvent({ name: created.name }, asAna());
      const listed = await events.listEvents({ parent: "calendars/ana" }, asAna());
      seen.push({ created, got, listed });
    }
    expect(seen).to.have.length(Object.keys(door.transports).length);
    for (const one of seen) expect(one).to.deep.equal(seen[0]);
    expect(seen[0]?.listed.events).to.deep.equal([seen[0]?.created]);
    expect(seen[0]?.got).to.deep.equal(seen[0]?.created);
  });

  it("refuses alike over every protocol, with reason and fields", async () => {
    for (const [protocol, transport] of Object.entries(door.transports)) {
      const events = createClient(EventService, transport);
      const noTitle = { parent: "calendars/ana", event: eventInit({ title: "" }) };
      const error = await failure(events.createEvent(noTitle, asAna()));
      expect(error.code, protocol).to.equal(Code.InvalidArgument);
      const [request] = error.findDetails(BadRequestSchema);
      expect(request?.fieldViolations.map(({ field }) => field)).to.deep.equal(["event.title"]);
      const stranger = { parent: "calendars/nora", event: eventInit() };
      const hidden = await failure(events.createEvent(stranger, asAna()));
      expect(hidden.code, protocol).to.equal(Code.NotFound);
      const [info] = hidden.findDetails(ErrorInfoSchema);
      expect(info).to.include({ reason: "NOT_FOUND", domain: "cabildo" });
      expect(info?.metadata).to.deep.equal({ outcome: "not_applied" });
    }
  });

  it("streams what is written over another protocol", async () => {
    for (const [protocol, transport] of Object.entries(door.transports)) {
      const leave = new AbortController();
      const sync = createClient(SyncService, transport);
      const options = { ...asAna(), signal: leave.signal };
      const responses = sync.watchChanges({ channel: "calendars/ana" }, options);
      const names: string[] = [];
      let written = "";
      try {
        for await (const { changes, position } of responses) {
          expect(position).to.not.equal("");
          names.push(...changes.map(({ resourceName }) => resourceName));
          if (names.length > 0) leave.abort();
          else written = (await bench.createEvent(ana.accessToken, "ana")).name;
        }
      } catch (error) {
        if (!leave.signal.aborted) throw error;
      }
      expect(names, protocol).to.deep.equal([written]);
    }
  });

  it("lets nobody in whose token is not the cluster's own", async () => {
    const [head, body, signature] = parts(ana.accessToken);
    const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as object;
    const [jwk] = bench.gateway.jwks().keys;
    const none = `${base64url({ alg: "none", typ: "at+jwt" })}.${body}.`;
    const symmetric = `${base64url({ alg: "HS256", typ: "at+jwt", kid: jwk?.kid })}.${body}`;
    const mac = createHmac("sha256", jwk?.x ?? "")
      .update(symmetric)
      .digest("base64url");
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const own = publicKey.export({ format: "jwk" });
    const forgedHead = base64url({ alg: "EdDSA", typ: "at+jwt", kid: jwk?.kid, jwk: own });
    const forged = `${forgedHead}.${body}`;
    const forgedSignature = sign(null, Buffer.from(forged), privateKey).toString("base64url");
    const tokens: Readonly<Record<string, string>> = {
      missing: "",
      nonsense: "Bearer nonsense",
      "of another scheme": `Basic ${ana.accessToken}`,
      "of alg none": `Bearer ${none}`,
      "of HS256 with the public key": `Bearer ${symmetric}.${mac}`,
      "signed by another key that it brings along": `Bearer ${forged}.${forgedSignature}`,
      "with other claims": `Bearer ${head}.${base64url({ ...claims, sub: "eve" })}.${signature}`,
      "without a signature": `Bearer ${head}.${body}.`,
      "a refresh token": `Bearer ${ana.refreshToken}`,
    };
    for (const [what, authorization] of Object.entries(tokens)) {
      const headers = authorization === "" ? JSON_TYPE : { ...JSON_TYPE, authorization };
      const answer = await door.send("POST", LIST, headers, '{"parent":"calendars/ana"}');
      expect(answer.status, what).to.equal(401);
      expect(JSON.parse(answer.text), what).to.include({ code: "unauthenticated" });
    }
  });

  it("lets nobody in whose token has run out", async () => {
    const auth = createClient(AuthService, requireTransport("gRPC"));
    const { accessToken } = await auth.login({ userId: "ana", password: PASSWORD });
    bench.clock.aheadMs += 306_000;
    const headers = { ...JSON_TYPE, authorization: `Bearer ${accessToken}` };
    const answer = await door.send("POST", LIST, headers, '{"parent":"calendars/ana"}');
    bench.clock.aheadMs -= 306_000;
    expect(answer.status).to.equal(401);
  });

  it("publishes the key that tokens are verified with", async () => {
    const answer = await door.send("GET", "/.well-known/jwks.json");
    expect(JSON.parse(answer.text)).to.deep.equal(bench.gateway.jwks());
    expect(answer.text).to.not.include('"d"');
  });

  it("keeps the times of events exact in JSON and in protobuf", async () => {
    const startTime = timestampFromMs(1_900_000_000_123);
    const endTime = timestampFromMs(1_900_000_000_124);
    const span = { case: "timed" as const, value: { startTime, endTime } };
    for (const transport of Object.values(door.transports)) {
      const events = createClient(EventService, transport);
      const request = { parent: "calendars/ana", event: eventInit({ span }) };
      const created = await events.createEvent(request, asAna());
      expect(created.span).to.deep.include({ case: "timed" });
      expect(created.span.value).to.deep.include({ startTime, endTime });
    }
  });
});
