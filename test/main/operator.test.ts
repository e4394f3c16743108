import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createSecureServer } from "node:http2";
import type { ServerHttp2Session } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { expect } from "chai";
import {
  BackupHeaderSchema,
  ClusterService,
  ReadBackupResponseSchema,
} from "../../gen/cabildo/admin/v1/admin_pb.js";
import type { ReadBackupResponse } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { Operator } from "../../src/main/client/operator.js";
import { createTestAuthority } from "../support/certificates.js";
import type { TestTls } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";

const partOf = (part: ReadBackupResponse["part"]) => create(ReadBackupResponseSchema, { part });

describe("an operator's connections", () => {
  let directory: string;
  let tls: TestTls;
  const ends: (() => void)[] = [];

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "operator-"));
    tls = await (await createTestAuthority()).process("cabildo", "node", "node-1");
    for (const name of ["ca", "cert", "key"] as const) {
      writeFileSync(join(directory, name), tls[name], { mode: 0o600 });
    }
  });
  after(() => {
    for (const end of ends) end();
    rmSync(directory, { recursive: true });
  });

  async function serve(routes: (router: ConnectRouter) => void): Promise<string> {
    const server = createSecureServer(
      { cert: tls.cert, key: tls.key },
      connectNodeAdapter({ routes }),
    );
    const sessions: ServerHttp2Session[] = [];
    server.on("session", (session) => sessions.push(session));
    ends.push(() => {
      server.close();
      for (const session of sessions) session.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    return `localhost:${typeof address === "object" ? address?.port : ""}`;
  }

  it("are not made with a key that others on the machine can read", async () => {
    const file = (name: string): string => join(directory, name);
    chmodSync(file("key"), 0o644);
    const files = { ca: file("ca"), operatorCert: file("cert"), operatorKey: file("key") };
    const refusal = await Operator.open({ ...files, nodes: [] }).catch(String);
    chmodSync(file("key"), 0o600);
    expect(refusal).to.contain("can be read by others: chmod 600 it");
  });

  it("are hung up where nobody answers in time, but for what takes long", async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const busy = await serve(({ service }) =>
      service(ClusterService, {
        getStatus: () => held.then(() => ({})),
        readBackup: async function* () {
          yield partOf({ case: "header", value: create(BackupHeaderSchema) });
          await held;
          yield partOf({ case: "rows", value: new Uint8Array(1) });
        },
      }),
    );
    const other = await serve(({ service }) =>
      service(ClusterService, { getStatus: () => ({ clusterId: "c1" }) }),
    );
    const file = (name: string): string => join(directory, name);
    const operator = await Operator.open({
      ...{ ca: file("ca"), operatorCert: file("cert"), operatorKey: file("key") },
      nodes: [busy, other].map((address, i) => ({ name: `node-${i + 1}`, pid: 0, address })),
    });
    const parts: (string | undefined)[] = [];
    const copy = (async () => {
      for await (const { part } of operator.apart(busy, 60_000).readBackup({ shard: "users" })) {
        parts.push(part.case);
      }
    })();
    await eventually(() => parts.length === 1);
    expect((await operator.status()).clusterId).to.equal("c1");
    release();
    await copy;
    expect(parts).to.deep.equal(["header", "rows"]);
  });
});
