import { create } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import type { Transport } from "@connectrpc/connect";
import { expect } from "chai";
import { EventSchema, EventService } from "../../gen/cabildo/v1/events_pb.js";
import {
  SyncService,
  WatchChangesResponseSchema,
  type WatchChangesResponse,
} from "../../gen/cabildo/v1/sync_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { ClusterError } from "../../src/base/index.js";
import { openDoor, type Door } from "./support/door.js";
import { failure } from "./support/failure.js";
import { eventually } from "../support/eventually.js";

const PROTOCOLS = [
  "gRPC",
  "gRPC-Web over HTTP/1.1",
  "gRPC-Web over HTTP/2",
  "Connect in JSON over HTTP/1.1",
  "Connect in JSON over HTTP/2",
  "Connect in protobuf over HTTP/1.1",
  "Connect in protobuf over HTTP/2",
  "Connect by GET",
];
const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const NAME = "calendars/ana/events/e1";

for (const shortWay of [true, false]) {
  describe(shortWay ? "a coordinator" : "a coordinator without the short way", () => {
    let door: Door;
    beforeEach(async () => {
      door = await openDoor({ shortWay });
    });
    afterEach(async () => {
      await door.close();
    });

    for (const protocol of PROTOCOLS) {
      describe(`that is called by ${protocol}`, () => {
        let transport: Transport;
        beforeEach(() => {
          const found = door.transports[protocol];
          if (found === undefined) throw new Error(`no client for ${protocol}`);
          transport = found;
        });

        it("answers what the gateway answers", async () => {
          door.gateway.answer = () => create(EventSchema, { name: NAME, title: "Ensayo" });
          const event = await createClient(EventService, transport).getEvent({ name: NAME });
          expect(event.title).to.equal("Ensayo");
          expect(door.gateway.last.request).to.deep.include({ name: NAME });
          expect(door.gateway.last.method.name).to.equal("GetEvent");
        });

        it("hands over the token, the address, the trace and the deadline", async () => {
          const headers = { authorization: "Bearer abc.def", traceparent: TRACEPARENT };
          const before = performance.now();
          const client = createClient(EventService, transport);
          await client.getEvent({ name: NAME }, { headers, timeoutMs: 30_000 });
          const call = door.gateway.last;
          expect(call.token).to.equal("abc.def");
          expect(call.traceparent).to.equal(TRACEPARENT);
          expect(call.remoteAddress).to.contain("127.0.0.1");
          expect(call.deadlineMs).to.be.within(before, performance.now() + 30_000);
        });

        it("passes over what is no trace", async () => {
          const client = createClient(EventService, transport);
          await client.getEvent({ name: NAME }, { headers: { traceparent: "x".repeat(200) } });
          expect(door.gateway.last).not.to.have.property("traceparent");
        });

        it("hands over how old the answer may be, and refuses what is no such time", async () => {
          const client = createClient(EventService, transport);
          const ask = (text: string) =>
            client.getEvent({ name: NAME }, { headers: { "cabildo-max-staleness": text } });
          await ask("2.5s");
          expect(door.gateway.last.maxStalenessMs).to.equal(2500);
          for (const text of ["2.5", "61s", "-1s", "1m"]) {
            const refused = await failure(ask(text));
            expect(refused.code, text).to.equal(Code.InvalidArgument);
            expect(refused.rawMessage).to.contain("cabildo-max-staleness");
          }
          expect(door.gateway.calls).to.have.length(1);
        });

        it("gives a call without a deadline the longest one", async () => {
          await createClient(EventService, transport).getEvent({ name: NAME });
          expect(door.gateway.last.deadlineMs).to.be.above(performance.now() + 30_000);
          expect(door.gateway.last.deadlineMs).to.be.most(performance.now() + 60_000);
        });

        it("refuses with the code, the reason and the details", async () => {
          door.gateway.answer = () => {
            throw new ClusterError("overloaded", "wait a little", {
              violations: [{ field: "event.title", description: "is too long" }],
              retryAfterMs: 1500,
              outcome: "not_applied",
            });
          };
          const error = await failure(
            createClient(EventService, transport).getEvent({ name: NAME }),
          );
          expect(error.code).to.equal(Code.ResourceExhausted);
          expect(error.rawMessage).to.equal("wait a little");
          const [info] = error.findDetails(ErrorInfoSchema);
          expect(info).to.include({ reason: "OVERLOADED", domain: "cabildo" });
          expect(info?.metadata).to.deep.equal({ outcome: "not_applied" });
          const [violation] = error.findDetails(BadRequestSchema)[0]?.fieldViolations ?? [];
          expect(violation).to.include({ field: "event.title", description: "is too long" });
          const [retry] = error.findDetails(RetryInfoSchema);
          expect(retry?.retryDelay).to.include({ seconds: 1n, nanos: 500_000_000 });
        });

        it("says nothing of a fault of its own, and writes it down once", async () => {
          door.gateway.answer = () => {
            throw new TypeError("secret of the machine room");
          };
          const headers = { traceparent: TRACEPARENT };
          const error = await failure(
            createClient(EventService, transport).deleteEvent(
              { name: NAME, requestId: "request-7" },
              { headers },
            ),
          );
          expect(error.code).to.equal(Code.Internal);
          expect(error.message).not.to.contain("secret");
          const lines = door.logged.filter((line) => line.includes("secret"));
          expect(lines).to.have.lengthOf(1);
          for (const fact of ["EventService/DeleteEvent", "request-7", TRACEPARENT]) {
            expect(lines[0]).to.contain(fact);
          }
        });

        it("tells the observer of the call and how it ended", async () => {
          const client = createClient(EventService, transport);
          await client.getEvent({ name: NAME });
          door.gateway.answer = () => {
            throw new ClusterError("not-found", "no such event");
          };
          await failure(client.getEvent({ name: NAME }));
          await eventually(() => door.ended.length === 2);
          expect(door.ended.map(({ code }) => code)).to.deep.equal(["OK", "NotFound"]);
          const name = protocol.split(" ")[0]?.toLowerCase();
          expect(door.ended[0]).to.include({
            service: "cabildo.v1.EventService",
            method: "GetEvent",
            type: "unary",
            protocol: name,
            received: 1,
            sent: 1,
          });
          expect(door.ended[1]).to.include({ received: 1, sent: 0 });
        });

        it("streams, and ends with the gateway's refusal", async () => {
          door.gateway.messages = async function* () {
            yield create(WatchChangesResponseSchema, { position: "p1" });
            yield create(WatchChangesResponseSchema, { position: "p2" });
            throw new ClusterError("position-gone", "list again");
          };
          const seen: WatchChangesResponse[] = [];
          const client = createClient(SyncService, transport);
          const error = await failure(
            (async () => {
              for await (const response of client.watchChanges({ channel: "calendars/ana" })) {
                seen.push(response);
              }
            })(),
          );
          expect(seen.map(({ position }) => position)).to.deep.equal(["p1", "p2"]);
          expect(error.code).to.equal(Code.OutOfRange);
          expect(error.findDetails(ErrorInfoSchema)[0]?.reason).to.equal("POSITION_GONE");
        });

        it("tells the gateway when the client leaves a stream", async () => {
          let left = false;
          door.gateway.messages = async function* ({ signal }) {
            signal.addEventListener("abort", () => (left = true));
            yield create(WatchChangesResponseSchema, { position: "p1" });
            await new Promise(() => undefined);
          };
          const leaving = new AbortController();
          const client = createClient(SyncService, transport);
          const request = { channel: "calendars/ana" };
          await failure(
            (async () => {
              const options = { signal: leaving.signal };
              for await (const response of client.watchChanges(request, options)) {
                expect(response.position).to.equal("p1");
                leaving.abort();
              }
            })(),
          );
          await eventually(() => left);
        });
      });
    }
  });
}
