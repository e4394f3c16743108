import { expect } from "chai";
import { openDoor, type Door } from "./support/door.js";

const ORIGIN = "https://agenda.example";
const PREFLIGHT = {
  origin: ORIGIN,
  "access-control-request-method": "POST",
  "access-control-request-headers": "content-type,authorization",
};
const PATHS = ["/cabildo.v1.EventService/GetEvent", "/v1/calendars/ana/events", "/nothing"];

describe("a coordinator that a page calls", () => {
  let door: Door;
  before(async () => {
    door = await openDoor({ origins: [ORIGIN] });
  });
  after(async () => {
    await door.close();
  });

  for (const path of PATHS) {
    it(`lets a page of a site that it knows call ${path}`, async () => {
      const { status, headers } = await door.send("OPTIONS", path, PREFLIGHT);
      expect(status).to.equal(204);
      expect(headers["access-control-allow-origin"]).to.equal(ORIGIN);
      expect(headers["access-control-allow-methods"]).to.contain("PATCH");
      const allowed = headers["access-control-allow-headers"] ?? "";
      for (const name of [
        "Content-Type",
        "Authorization",
        "X-Grpc-Web",
        "Connect-Protocol-Version",
      ]) {
        expect(allowed).to.contain(name);
      }
      expect(headers.vary).to.equal("origin");
    });
  }

  it("lets it read every answer, and the headers with the status", async () => {
    for (const path of PATHS) {
      const sent = { origin: ORIGIN, "content-type": "application/json" };
      const { headers } = await door.send("POST", path, sent, "{}");
      expect(headers["access-control-allow-origin"], path).to.equal(ORIGIN);
      expect(headers["access-control-expose-headers"]).to.contain("Grpc-Status");
    }
  });

  it("says no to a page of another site", async () => {
    const evil = { ...PREFLIGHT, origin: "https://agenda.example.evil" };
    const asked = await door.send("OPTIONS", PATHS[0] ?? "", evil);
    expect(asked.status).to.equal(403);
    expect(asked.headers).not.to.have.property("access-control-allow-origin");
    const called = await door.send("GET", "/livez", { origin: "null" });
    expect(called.headers).not.to.have.property("access-control-allow-origin");
  });

  it("lets no page in unless it is told to", async () => {
    const closed = await openDoor();
    const asked = await closed.send("OPTIONS", PATHS[0] ?? "", PREFLIGHT);
    expect(asked.status).to.equal(403);
    const called = await closed.send("GET", "/livez", { origin: ORIGIN });
    expect(called.headers).not.to.have.property("access-control-allow-origin");
    await closed.close();
  });
});
