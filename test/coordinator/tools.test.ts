import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { create, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code, createClient } from "@connectrpc/connect";
import { expect } from "chai";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { WatchChangesResponseSchema } from "../../gen/cabildo/v1/sync_pb.js";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { ClusterError } from "../../src/base/index.js";
import { isInstalled, TOOLS_PATH } from "../support/tools.js";
import { openDoor, type Door } from "./support/door.js";
import { failure } from "./support/failure.js";

const run = promisify(execFile);
const BUF = "node_modules/.bin/buf";

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

describe("a coordinator with reflection", () => {
  let door: Door;
  let directory: string;
  before(async () => {
    door = await openDoor();
    directory = await mkdtemp(join(tmpdir(), "cabildo-door-"));
    await writeFile(join(directory, "ca.pem"), door.ca);
  });
  after(async () => {
    await door.close();
    await rm(directory, { recursive: true });
  });

  for (const service of [ServerReflection, ServerReflectionAlpha]) {
    it(`describes itself by ${service.typeName}`, async () => {
      const transport = door.transports["gRPC"];
      if (transport === undefined) throw new Error("no client");
      const client = createClient<typeof ServerReflection>(
        service as typeof ServerReflection,
        transport,
      );
      async function* questions() {
        yield { messageRequest: { case: "listServices" as const, value: "" } };
        yield {
          messageRequest: {
            case: "fileContainingSymbol" as const,
            value: "cabildo.v1.EventService",
          },
        };
      }
      const answers = [];
      for await (const answer of client.serverReflectionInfo(questions())) answers.push(answer);
      const [list, file] = answers.map(({ messageResponse }) => messageResponse);
      if (list?.case !== "listServicesResponse") throw new Error("no list");
      expect(list.value.service.map(({ name }) => name)).to.include.members([
        "cabildo.v1.AuthService",
        "cabildo.v1.EventService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
      ]);
      if (file?.case !== "fileDescriptorResponse") throw new Error("no file");
      const [proto] = file.value.fileDescriptorProto;
      expect(fromBinary(FileDescriptorProtoSchema, proto ?? new Uint8Array()).name).to.equal(
        "cabildo/v1/events.proto",
      );
    });
  }

  describe("that grpcurl talks to", () => {
    before(async function () {
      // grpcurl is a program of its own, which not every machine has.
      if (!(await isInstalled("grpcurl", "-version"))) this.skip();
    });

    const grpcurl = (...args: readonly string[]): Promise<Ran> =>
      run("grpcurl", ["-cacert", join(directory, "ca.pem"), ...args], {
        env: { PATH: TOOLS_PATH },
      });
    const at = () => `localhost:${door.coordinator.port}`;

    it("lists the services", async () => {
      const { stdout } = await grpcurl(at(), "list");
      expect(stdout.split("\n")).to.include.members([
        "cabildo.v1.EventService",
        "cabildo.v1.SyncService",
      ]);
    });

    it("describes a method and a message", async () => {
      const method = await grpcurl(at(), "describe", "cabildo.v1.EventService.GetEvent");
      expect(method.stdout).to.contain("rpc GetEvent ( .cabildo.v1.GetEventRequest )");
      const message = await grpcurl(at(), "describe", "cabildo.v1.Event");
      expect(message.stdout).to.contain("string title = 4");
    });

    it("calls a method", async () => {
      door.gateway.answer = () => create(EventSchema, { title: "Ensayo" });
      const { stdout } = await grpcurl(
        "-H",
        "authorization: Bearer t",
        "-d",
        '{"name":"calendars/ana/events/e1"}',
        at(),
        "cabildo.v1.EventService/GetEvent",
      );
      expect(JSON.parse(stdout)).to.deep.equal({ title: "Ensayo" });
      expect(door.gateway.last.token).to.equal("t");
    });

    it("prints the details of a refusal", async () => {
      door.gateway.answer = () => {
        throw new ClusterError("not-found", "no such event", { retryAfterMs: 250 });
      };
      const failed = await grpcurl(at(), "cabildo.v1.EventService/GetEvent").then(
        () => undefined,
        (error: unknown) => error as Ran,
      );
      expect(failed?.stderr).to.contain("Code: NotFound");
      expect(failed?.stderr).to.contain("Message: no such event");
      expect(failed?.stderr).to.contain('"reason": "NOT_FOUND"');
      expect(failed?.stderr).to.contain('"retryDelay": "0.250s"');
    });

    it("follows a stream", async () => {
      door.gateway.messages = async function* () {
        yield create(WatchChangesResponseSchema, { position: "p1" });
        yield create(WatchChangesResponseSchema, { position: "p2" });
      };
      const { stdout } = await grpcurl(at(), "cabildo.v1.SyncService/WatchChanges");
      expect(stdout.match(/"position": "p\d"/gu)).to.have.lengthOf(2);
    });

    it("checks the health", async () => {
      const { stdout } = await grpcurl(at(), "grpc.health.v1.Health/Check");
      expect(JSON.parse(stdout)).to.deep.equal({ status: "SERVING" });
    });
  });
});

describe("a coordinator that buf curl talks to", () => {
  let door: Door;
  let directory: string;
  before(async function () {
    // buf is a binary, which not every machine has one of.
    if (!(await isInstalled(BUF, "--version"))) this.skip();
    door = await openDoor();
    directory = await mkdtemp(join(tmpdir(), "cabildo-door-"));
    await writeFile(join(directory, "ca.pem"), door.ca);
  });
  after(async () => {
    await (door as Door | undefined)?.close();
    if ((directory as string | undefined) !== undefined) await rm(directory, { recursive: true });
  });

  for (const protocol of ["grpc", "grpcweb", "connect"]) {
    it(`is described and called over ${protocol}, without a proto at hand`, async () => {
      door.gateway.answer = () => create(EventSchema, { title: "Ensayo" });
      const { stdout } = await run(BUF, [
        ...["curl", "--cacert", join(directory, "ca.pem"), "--protocol", protocol],
        ...["-H", "authorization: Bearer t", "-d", '{"name":"calendars/ana/events/e1"}'],
        `${door.url}/cabildo.v1.EventService/GetEvent`,
      ]);
      expect(JSON.parse(stdout)).to.deep.equal({ title: "Ensayo" });
      expect(door.gateway.last.token).to.equal("t");
    });
  }
});

describe("a coordinator without reflection", () => {
  it("describes nothing", async () => {
    const door = await openDoor({ reflection: false });
    const transport = door.transports["gRPC"];
    if (transport === undefined) throw new Error("no client");
    const client = createClient(ServerReflection, transport);
    async function* questions() {
      yield { messageRequest: { case: "listServices" as const, value: "" } };
    }
    const { code } = await failure(
      (async () => {
        const answers = client.serverReflectionInfo(questions());
        for await (const answer of answers) expect.fail(answer.validHost);
      })(),
    );
    expect(code).to.equal(Code.Unimplemented);
    await door.close();
  });
});
