import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { ClusterError, ERRORS, isErrorCode } from "../../src/base/index.js";
import type { FanoutOptions, Logger } from "../../src/fanout/index.js";
import type { GatewayCall } from "../../src/gateway/index.js";
import { createRegistry, createRpcMetrics } from "../../src/observability/index.js";
import { STATUS_NAMES } from "../../src/wire/index.js";
import type { FakeGateway } from "./support/fake-gateway.js";
import { LiveClient, errorCode, isObject } from "./support/live-client.js";
import { openOver, TRANSPORTS } from "./support/over.js";
import { start } from "./support/start.js";
import type { Stage } from "./support/start.js";

const GET = "cabildo.v1.EventService/GetEvent";
const DELETE = "cabildo.v1.EventService/DeleteEvent";
const LABELS =
  'grpc_type="unary",grpc_service="cabildo.v1.EventService",grpc_method="GetEvent",protocol="ws"';

for (const kind of TRANSPORTS) {
  describe(`calls over a socket of ${kind}`, () => {
    let stage: Stage;
    const opened = openOver(kind);

    const begin = async (options: Partial<FanoutOptions> = {}): Promise<LiveClient> => {
      stage = await opened.begin(options);
      stage.gateway.answer = () => Promise.resolve(create(EventSchema, { title: "Lunch" }));
      return await opened.as("ana");
    };

    describe("that fail", () => {
      let client: LiveClient;
      let gateway: FakeGateway;
      let close: () => Promise<void>;
      before(async () => {
        const { fanout, port, ...failing } = await start(kind);
        ({ gateway } = failing);
        client = await LiveClient.as("ana", port);
        close = async () => {
          client.close();
          await fanout.close();
        };
      });
      after(() => close());

      for (const code of Object.keys(ERRORS).filter(isErrorCode)) {
        const { reason, status, retryable } = ERRORS[code];

        it(`say ${reason} as every other protocol does`, async () => {
          const violations = [{ field: "a.b[1]", description: "why" }];
          gateway.answer = () => {
            const details = { violations, outcome: "unknown" } as const;
            return Promise.reject(new ClusterError(code, "what to do next, ñ", details));
          };
          const { error } = await client.ask({ rpc: { method: GET } });
          const { retry_after_ms: retryAfterMs, ...told } = isObject(error) ? error : {};
          expect(told).to.deep.equal({
            ...{ code: reason, status: STATUS_NAMES[status], message: "what to do next, ñ" },
            ...{ violations, outcome: "unknown" },
          });
          expect(typeof retryAfterMs).to.equal(retryable ? "number" : "undefined");
        });
      }

      it("say when to try again where the failure does, and no more than there is to say", async () => {
        const details = { retryAfterMs: 1_234 };
        gateway.answer = () => Promise.reject(new ClusterError("overloaded", "wait", details));
        const { error } = await client.ask({ rpc: { method: GET } });
        const status = "RESOURCE_EXHAUSTED";
        const told = { code: "OVERLOADED", status, message: "wait", retry_after_ms: 1_234 };
        expect(error).to.deep.equal(told);
      });

      it("say of a fault of ours nothing but that it is one", async () => {
        gateway.answer = () => Promise.reject(new Error("a secret"));
        const { error } = await client.ask({ rpc: { method: GET } });
        expect(error).to.include({ code: "INTERNAL", status: "INTERNAL" });
        expect(JSON.stringify(client.objects)).to.not.contain("a secret");
      });
    });

    describe("with the trace that they belong to", () => {
      const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
      const logged: object[] = [];
      const logger: Logger = {
        ...{ debug: () => undefined, info: () => undefined, warn: () => undefined },
        error: (fields) => logged.push(fields),
      };
      afterEach(() => {
        logged.length = 0;
      });

      it("hand it on", async () => {
        const client = await begin();
        const calls: GatewayCall[] = [];
        stage.gateway.answer = (call) => {
          calls.push(call);
          return Promise.resolve(create(EventSchema));
        };
        await client.ask({ rpc: { method: GET, traceparent: TRACEPARENT } });
        expect(calls[0]).to.include({ traceparent: TRACEPARENT });
      });

      const none: readonly unknown[] = [
        "",
        "00-1-2-01",
        TRACEPARENT.toUpperCase(),
        `${TRACEPARENT}\n`,
        `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
        `00-0af7651916cd43dd8448eb211c80319c-${"0".repeat(16)}-01`,
        7,
        null,
        { toString: TRACEPARENT },
      ];
      it("are made without it where it is none", async () => {
        const client = await begin();
        const calls: GatewayCall[] = [];
        stage.gateway.answer = (call) => {
          calls.push(call);
          return Promise.resolve(create(EventSchema, { title: "Lunch" }));
        };
        for (const traceparent of none) {
          const { rpc } = await client.ask({ rpc: { method: GET, traceparent } });
          expect(rpc).to.deep.equal({ response: { title: "Lunch" } });
        }
        expect(calls).to.have.lengthOf(none.length);
        for (const call of calls) expect(call).to.not.have.property("traceparent");
      });

      for (const code of ["internal", "corrupt-storage"] as const) {
        it(`are in the log with it where they fail by a fault of ours: ${code}`, async () => {
          const client = await begin({ logger });
          stage.gateway.answer = () => Promise.reject(new ClusterError(code, "a fault of ours"));
          const request = { requestId: "r1" };
          await client.ask({ rpc: { method: DELETE, request, traceparent: TRACEPARENT } });
          const [line] = logged;
          expect(line).to.include({ call: DELETE, requestId: "r1", traceparent: TRACEPARENT });
        });
      }

      it("are in no log where they fail by no fault of ours", async () => {
        const client = await begin({ logger });
        stage.gateway.answer = () => Promise.reject(new ClusterError("no-leader", "try again"));
        await client.ask({ rpc: { method: GET, traceparent: TRACEPARENT } });
        expect(logged).to.be.empty;
      });
    });

    describe("are counted", () => {
      const registry = createRegistry({ name: "fanout-1", version: "0.0.1" });
      const callObserver = createRpcMetrics(registry);
      afterEach(() => {
        registry.resetMetrics();
      });

      it("when they begin and when they end, by method and code", async () => {
        const client = await begin({ callObserver });
        await client.ask({ rpc: { method: GET } });
        stage.gateway.answer = () => Promise.reject(new ClusterError("not-found", "no such event"));
        await client.ask({ rpc: { method: GET } });
        stage.gateway.answer = () => Promise.reject(new Error("a fault of ours"));
        await client.ask({ rpc: { method: GET } });
        const text = await registry.metrics();
        for (const line of [
          `grpc_server_started_total{${LABELS}} 3`,
          `grpc_server_msg_received_total{${LABELS}} 3`,
          `grpc_server_msg_sent_total{${LABELS}} 1`,
          `grpc_server_handled_total{${LABELS},grpc_code="OK"} 1`,
          `grpc_server_handled_total{${LABELS},grpc_code="NotFound"} 1`,
          `grpc_server_handled_total{${LABELS},grpc_code="Internal"} 1`,
          `grpc_server_handling_seconds_count{${LABELS}} 3`,
        ]) {
          expect(text).to.contain(line);
        }
      });

      it("where the gateway was never asked too", async () => {
        const client = await begin({ callObserver, limits: { callsInFlightMax: 0 } });
        expect(errorCode(await client.ask({ rpc: { method: GET } }))).to.equal("OVERLOADED");
        expect(await registry.metrics()).to.contain(
          `grpc_server_handled_total{${LABELS},grpc_code="ResourceExhausted"} 1`,
        );
      });

      it("under no name that a client made up", async () => {
        const client = await begin({ callObserver });
        for (const method of ["cabildo.v1.EventService/Nope", "toString", "made.Up/Method"]) {
          expect(errorCode(await client.ask({ rpc: { method } }))).to.equal("UNIMPLEMENTED");
        }
        expect(await registry.metrics()).to.not.match(/Nope|toString|made\.Up/u);
      });
    });
  });
}
