import { readdir } from "node:fs/promises";
import { createClient } from "@connectrpc/connect";
import { expect } from "chai";
import { AuditService, RouteService } from "../../gen/cabildo/admin/v1/admin_pb.js";
import {
  Health,
  HealthCheckResponse_ServingStatus as Serving,
} from "../../gen/grpc/health/v1/health_pb.js";
import { PUBLIC_SERVICES } from "../../src/gateway/index.js";
import { eventually } from "../support/eventually.js";
import { openDoor, type Door } from "./support/door.js";
import { failure } from "./support/failure.js";

describe("a coordinator", () => {
  let door: Door;
  beforeEach(async () => {
    door = await openDoor();
  });
  afterEach(async () => {
    await door.close();
  });

  it("serves every service of the public protos, the audit trail and the routes", async () => {
    const files = (await readdir("gen/cabildo/v1")).map((name) => name.replace(/\.ts$/u, ".js"));
    const declared = await Promise.all(
      files.map(async (file) => {
        const module = (await import(`../../gen/cabildo/v1/${file}`)) as Record<string, unknown>;
        return Object.values(module).filter(isService);
      }),
    );
    const names = (services: readonly { readonly typeName: string }[]) =>
      services.map(({ typeName }) => typeName).sort();
    expect(names(PUBLIC_SERVICES)).to.deep.equal(
      names([...declared.flat(), AuditService, RouteService]),
    );
  });

  it("is alive and ready", async () => {
    expect(await door.send("GET", "/livez")).to.include({ status: 200, text: "ok\n" });
    expect(await door.send("GET", "/readyz?verbose")).to.include({ status: 200, text: "ok\n" });
    expect(await door.send("HEAD", "/livez")).to.include({ status: 200, text: "" });
  });

  it("is alive though it is not ready", async () => {
    door.state.ready = false;
    expect(await door.send("GET", "/livez")).to.include({ status: 200 });
    expect(await door.send("GET", "/readyz")).to.include({ status: 503 });
  });

  it("shows the keys of its tokens, once they are known", async () => {
    const known = await door.send("GET", "/.well-known/jwks.json");
    expect(known.status).to.equal(200);
    expect(known.headers["content-type"]).to.equal("application/jwk-set+json");
    expect(JSON.parse(known.text)).to.deep.equal({ keys: [] });
    door.state.keys = undefined;
    expect((await door.send("GET", "/.well-known/jwks.json")).status).to.equal(503);
  });

  it("says what it is, and where nothing is", async () => {
    expect((await door.send("GET", "/")).text).to.contain("gRPC");
    const nothing = await door.send("GET", "/favicon.ico");
    expect(nothing.status).to.equal(404);
    expect(JSON.parse(nothing.text)).to.have.nested.property("error.message");
    expect((await door.send("GET", "/demo")).status).to.equal(404);
    expect((await door.send("POST", "/")).status).to.equal(404);
    expect((await door.send("DELETE", "/livez")).status).to.equal(404);
  });

  for (const protocol of ["gRPC", "gRPC-Web over HTTP/1.1", "Connect in JSON over HTTP/1.1"]) {
    describe(`that is asked for its health by ${protocol}`, () => {
      const client = () => {
        const transport = door.transports[protocol];
        if (transport === undefined) throw new Error(protocol);
        return createClient(Health, transport);
      };

      it("checks the whole and each service", async () => {
        for (const service of ["", "cabildo.v1.EventService"]) {
          expect((await client().check({ service })).status).to.equal(Serving.SERVING);
        }
        door.state.ready = false;
        expect((await client().check({})).status).to.equal(Serving.NOT_SERVING);
      });

      it("checks each shard for itself", async () => {
        door.state.parts = new Map([
          ["shard/users", true],
          ["shard/groups", false],
        ]);
        const check = async (service: string) => (await client().check({ service })).status;
        expect(await check("shard/users")).to.equal(Serving.SERVING);
        expect(await check("shard/groups")).to.equal(Serving.NOT_SERVING);
        expect(Object.keys((await client().list({})).statuses)).to.include("shard/groups");
      });

      it("refuses a name that it does not know", async () => {
        const { code, message } = await failure(client().check({ service: "x" }));
        expect([code, message]).to.deep.equal([5, '[not_found] there is no service "x" here']);
      });

      it("lists them all", async () => {
        const { statuses } = await client().list({});
        expect(Object.keys(statuses)).to.include.members(["", "cabildo.v1.AuthService"]);
      });

      it("tells a watcher of every change", async () => {
        const seen: Serving[] = [];
        const leaving = new AbortController();
        const watch = failure(
          (async () => {
            for await (const { status } of client().watch({}, { signal: leaving.signal })) {
              seen.push(status);
              door.state.ready = false;
            }
          })(),
        );
        await eventually(() => seen.length === 2);
        expect(seen).to.deep.equal([Serving.SERVING, Serving.NOT_SERVING]);
        leaving.abort();
        await watch;
      });
    });
  }
});

const isService = (value: unknown): value is { readonly typeName: string } =>
  typeof value === "object" && value !== null && "kind" in value && value.kind === "service";
