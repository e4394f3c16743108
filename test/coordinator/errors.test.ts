import { readFileSync } from "node:fs";
import { createClient } from "@connectrpc/connect";
import { expect } from "chai";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.js";
import { ClusterError, ERRORS, isErrorCode } from "../../src/base/index.js";
import { STATUS_NAMES } from "../../src/wire/status.js";
import { openDoor, type Door } from "./support/door.js";
import { failure } from "./support/failure.js";

const CODES = Object.keys(ERRORS).filter(isErrorCode);
const NAME = "calendars/ana/events/e1";
const ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo";
const RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo";

describe("the table of errors", () => {
  it("is what the documentation says", () => {
    const rows = readFileSync("docs/ERRORS.md", "utf8").matchAll(
      /^\| `([A-Z_]+)` \| ([A-Z_]+) \| (\d+) \| (yes|no) \| .+ \|$/gmu,
    );
    const documented = [...rows].map((row) => row.slice(1, 5).join(" "));
    const table = Object.values(ERRORS).map(({ reason, status, httpStatus, retryable }) =>
      [reason, STATUS_NAMES[status], httpStatus, retryable ? "yes" : "no"].join(" "),
    );
    expect(documented).to.deep.equal(table);
  });
});

for (const shortWay of [true, false]) {
  describe(`a refusal ${shortWay ? "on the short way" : "through Connect"}`, () => {
    let door: Door;
    before(async () => {
      door = await openDoor({ shortWay });
    });
    after(async () => {
      await door.close();
    });

    for (const code of CODES) {
      const { reason, status, httpStatus, retryable } = ERRORS[code];

      it(`says ${reason} alike over every protocol`, async () => {
        door.gateway.answer = () => {
          throw new ClusterError(code, "what to do next, ñ", {
            violations: [{ field: "a.b[1]", description: "why" }],
            outcome: "unknown",
          });
        };
        for (const [protocol, transport] of Object.entries(door.transports)) {
          const error = await failure(
            createClient(EventService, transport).getEvent({ name: NAME }),
          );
          expect(error.code, protocol).to.equal(status);
          expect(error.rawMessage, protocol).to.equal("what to do next, ñ");
          const infos = error.findDetails(ErrorInfoSchema);
          expect(infos.map((info) => [info.reason, info.domain, info.metadata])).to.deep.equal([
            [reason, "cabildo", { outcome: "unknown" }],
          ]);
          expect(error.findDetails(RetryInfoSchema).length === 1, protocol).to.equal(retryable);
          const [request] = error.findDetails(BadRequestSchema);
          expect(request?.fieldViolations.map(({ field }) => field)).to.deep.equal(["a.b[1]"]);
        }
        const rest = await door.send("GET", `/v1/${NAME}`);
        expect(rest.status).to.equal(httpStatus);
        const { error } = JSON.parse(rest.text) as {
          error: { code: number; status: string; details: { "@type": string }[] };
        };
        expect(error).to.include({ code: httpStatus, status: STATUS_NAMES[status] });
        const types = error.details.map((detail) => detail["@type"]);
        expect(types.filter((type) => type === ERROR_INFO)).to.have.lengthOf(1);
        expect(types.includes(RETRY_INFO)).to.equal(retryable);
        expect("retry-after" in rest.headers).to.equal(retryable);
      });
    }

    it("of what the protocol itself does not allow has a reason too", async () => {
      const type = { "content-type": "application/json" };
      const path = "/cabildo.v1.EventService/GetEvent";
      const wrong = [
        await door.send("POST", path, { ...type, "connect-timeout-ms": "soon" }, "{}"),
        await door.send("POST", path, { ...type, "content-encoding": "zstd" }, "{}"),
        await door.send("POST", path, { ...type, "connect-timeout-ms": "99999999" }, "{}"),
        await door.send("POST", path, type, "x".repeat(2_000_000)),
        await door.send("POST", path, { "content-type": "text/plain" }, "{}"),
        await door.send("PUT", path, type, "{}"),
        await door.send("POST", "/cabildo.v1.EventService/Nope", type, "{}"),
      ];
      for (const { text } of wrong) {
        const { code, details } = JSON.parse(text) as {
          code: string;
          details?: { type: string }[];
        };
        expect(code).to.be.oneOf(["invalid_argument", "unimplemented", "resource_exhausted"]);
        const infos = details?.filter((detail) => detail.type === "google.rpc.ErrorInfo");
        expect(infos, text).to.have.lengthOf(1);
      }
    });
  });
}
