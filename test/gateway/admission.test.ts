import { expect } from "chai";
import { create } from "@bufbuild/protobuf";
import type { DescMethod, DescMethodUnary } from "@bufbuild/protobuf";
import { ClusterService } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { AuthService, file_cabildo_v1_auth } from "../../gen/cabildo/v1/auth_pb.js";
import { file_cabildo_v1_agenda } from "../../gen/cabildo/v1/agenda_pb.js";
import { file_cabildo_v1_calendars } from "../../gen/cabildo/v1/calendars_pb.js";
import {
  EventService,
  file_cabildo_v1_events,
  ListEventsRequestSchema,
} from "../../gen/cabildo/v1/events_pb.js";
import { file_cabildo_v1_groups } from "../../gen/cabildo/v1/groups_pb.js";
import { file_cabildo_v1_notifications } from "../../gen/cabildo/v1/notifications_pb.js";
import { file_cabildo_v1_subscriptions } from "../../gen/cabildo/v1/subscriptions_pb.js";
import { file_cabildo_v1_sync } from "../../gen/cabildo/v1/sync_pb.js";
import { file_cabildo_v1_users } from "../../gen/cabildo/v1/users_pb.js";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { ClusterError } from "../../src/base/index.js";
import { createGateway } from "../../src/gateway/index.js";
import { ruleOf } from "../../src/gateway/authorization.js";
import { MemoryShards } from "../support/memory-shards.js";
import { eventInit, failureOf, GatewayBench, TestClock } from "./support.js";

const METHODS: readonly DescMethod[] = [
  file_cabildo_v1_agenda,
  file_cabildo_v1_auth,
  file_cabildo_v1_calendars,
  file_cabildo_v1_events,
  file_cabildo_v1_groups,
  file_cabildo_v1_notifications,
  file_cabildo_v1_subscriptions,
  file_cabildo_v1_sync,
  file_cabildo_v1_users,
].flatMap(({ services }) => services.flatMap(({ methods }) => methods));

describe("the gateway", function () {
  this.timeout(20_000);

  it("finds a rule for every public method: one without is open to nobody", () => {
    expect(METHODS).to.have.length.above(40);
    for (const method of METHODS) {
      expect(ruleOf(method).kind, `${method.parent.typeName}/${method.name}`).to.be.oneOf([
        "public",
        "user",
      ]);
    }
  });

  it("asks for a token first, whatever else is wrong", async () => {
    const bench = await GatewayBench.open();
    const isPublic = (method: DescMethod) => ruleOf(method).kind === "public";
    const unary = METHODS.filter(
      (method): method is DescMethodUnary => method.methodKind === "unary" && !isPublic(method),
    );
    for (const method of unary) {
      expect(await failureOf(bench.call(method, {})), method.name).to.include({
        code: "unauthenticated",
      });
    }
  });

  it("has work for every method of one answer", async () => {
    const bench = await GatewayBench.open();
    const isUnary = (method: DescMethod): method is DescMethodUnary =>
      method.methodKind === "unary";
    for (const [i, method] of METHODS.filter(isUnary).entries()) {
      const { accessToken } = await bench.person(`user${i}`);
      const outcome = await bench.call(method, {}, accessToken).catch((error: unknown) => error);
      expect(outcome, method.name).to.not.include({ code: "unimplemented" });
    }
  });

  it("does not serve operators, and nothing that has no rule", async () => {
    const bench = await GatewayBench.open();
    const { accessToken } = await bench.person("ana");
    for (const call of [
      bench.call(ClusterService.method.getStatus, {}, accessToken),
      bench.call(Health.method.check, {}, accessToken),
    ]) {
      expect(await failureOf(call)).to.include({ code: "permission-denied" });
    }
  });

  it("does not start what its deadline has no time for", async () => {
    const bench = await GatewayBench.open();
    const { accessToken } = await bench.person("ana");
    const before = bench.shards.reads.length;
    const call = bench.gateway.unary({
      method: EventService.method.listEvents,
      request: create(ListEventsRequestSchema, { parent: "calendars/ana" }),
      token: accessToken,
      deadlineMs: bench.clock.monotonicMs() - 1,
      signal: new AbortController().signal,
      remoteAddress: "",
    });
    const failure = await failureOf(call);
    expect(failure).to.include({ code: "deadline-exceeded" });
    expect(failure.details.outcome).to.equal("not_applied");
    expect(bench.shards.reads.length).to.equal(before);
  });

  it("lets what a call reads be as old as it says, but not what the door decides by, nor what a write reads", async () => {
    const bench = await GatewayBench.open();
    const { accessToken } = await bench.person("ana");
    // What is known of the session is old enough to be asked again.
    bench.clock.aheadMs += 10_000;
    const { listEvents, createEvent } = EventService.method;
    const parent = "calendars/ana";
    await bench.call(listEvents, { parent }, accessToken, { maxStalenessMs: 2500 });
    await bench.call(createEvent, { parent, event: eventInit() }, accessToken, {
      maxStalenessMs: 2500,
    });
    const asked = new Map(
      bench.shards.reads.map(({ query, maxStalenessMs }) => [query.question.kind, maxStalenessMs]),
    );
    expect(asked.get("list-events")).to.equal(2500);
    asked.delete("list-events");
    expect([...asked.keys()]).to.include("get-session");
    expect(new Set(asked.values())).to.deep.equal(new Set([0]));
  });

  it("waits for the cluster's keys, makes them if nobody has, and shares them", async () => {
    const shards = new MemoryShards();
    const clock = new TestClock();
    shards.away.add(5);
    const troubles: unknown[] = [];
    const options = { shards, clusterId: "01test", clock };
    const first = createGateway({ ...options, onTrouble: (cause) => troubles.push(cause) });
    expect(first.isReady()).to.equal(false);
    expect(await failureOf(first.authenticate("token"))).to.include({ code: "unreachable" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(troubles).to.have.length.above(0);
    shards.away.clear();
    await first.ready();
    const second = createGateway(options);
    await second.ready();
    expect(second.jwks()).to.deep.equal(first.jwks());
    const position = [{ shard: 1, epoch: 1, sequence: 7 }];
    expect(second.positions.decode(first.positions.encode(position))).to.deep.equal(position);
  });

  it("stops asking for keys when it is closed", async () => {
    const shards = new MemoryShards();
    shards.away.add(5);
    const gateway = createGateway({ shards, clusterId: "01test", clock: new TestClock() });
    gateway.close();
    let closed: unknown;
    await gateway.ready().catch((cause: unknown) => {
      closed = cause;
    });
    expect(closed).to.be.instanceOf(Error);
  });

  it("publishes the public key alone", async () => {
    const bench = await GatewayBench.open();
    const [key] = bench.gateway.jwks().keys;
    expect(key).to.include({ kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig" });
    expect(key).to.not.have.property("d");
  });

  it("lets each hear their own channels alone", async () => {
    const bench = await GatewayBench.open();
    const { caller } = await bench.gateway.authenticate((await bench.person("ana")).accessToken);
    await bench.gateway.authorizeChannel(caller, "users/ana");
    await bench.gateway.authorizeChannel(caller, "calendars/ana");
    await bench.gateway.authorizeChannel(caller, "calendars/ana.work");
    for (const channel of ["users/bo", "calendars/bo", "groups/choir", "cluster", "", "x/y"]) {
      const failure = await failureOf(bench.gateway.authorizeChannel(caller, channel));
      expect(failure, channel).to.include({ code: "not-found" });
    }
  });

  it("says when to come again where a shard does not say in time what one may hear", async () => {
    const bench = await GatewayBench.open();
    const { caller } = await bench.gateway.authenticate((await bench.person("ana")).accessToken);
    bench.shards.read = () => Promise.reject(new ClusterError("deadline-exceeded", "too late"));
    for (const asked of [
      bench.gateway.authorizeChannel(caller, "groups/choir"),
      bench.gateway.chosenChannels(caller),
    ]) {
      const { code, details } = await failureOf(asked);
      expect({ code, details }).to.deep.equal({
        code: "unreachable",
        details: { retryAfterMs: 1_000 },
      });
    }
  });

  it("keeps methods that anyone may call few", () => {
    const names = METHODS.filter((method) => ruleOf(method).kind === "public").map(
      ({ name }) => name,
    );
    expect(names).to.have.members(["Register", "Login", "Refresh", "ResetPassword"]);
    expect(AuthService.method.logout.name).to.not.be.oneOf(names);
  });
});
