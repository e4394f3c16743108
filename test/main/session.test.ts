import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect } from "chai";
import { LoginResponseSchema } from "../../gen/cabildo/v1/auth_pb.js";
import { contextPath, readContext, writeContext } from "../../src/main/client/context-file.js";
import type { Context } from "../../src/main/client/context-file.js";
import { Session } from "../../src/main/client/session.js";

const HOUR_MS = 3_600_000;

const context = (accessForMs: number, refreshForMs = HOUR_MS): Context => ({
  api: "https://localhost:7443",
  wss: "wss://localhost:7444",
  ca: "ca.pem",
  user: "ana",
  timeZone: "UTC",
  accessToken: "access-1",
  accessExpireMs: Date.now() + accessForMs,
  refreshToken: "refresh-1",
  refreshExpireMs: Date.now() + refreshForMs,
});

describe("a login that is kept in a file", () => {
  let dir: string;
  let path: string;
  let used: string[];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "session-"));
    path = join(dir, "cabildo", "context.json");
    used = [];
  });
  afterEach(() => rm(dir, { recursive: true }));

  /** Answers slowly, so that others come while it is under way. */
  const session = (): Session =>
    new Session(path, async ({ refreshToken }) => {
      used.push(refreshToken);
      await sleep(100);
      return create(LoginResponseSchema, {
        accessToken: "access-2",
        accessExpireTime: timestampFromMs(Date.now() + 300_000),
        refreshToken: "refresh-2",
        refreshExpireTime: timestampFromMs(Date.now() + HOUR_MS),
      });
    });

  it("is its owner's alone", async () => {
    await writeContext(path, context(300_000));
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
    expect((await stat(join(dir, "cabildo"))).mode & 0o777).to.equal(0o700);
  });

  it("is used as it is while its token is good", async () => {
    await writeContext(path, context(300_000));
    expect((await session().context()).accessToken).to.equal("access-1");
    expect(used).to.deep.equal([]);
  });

  it("is renewed when its token is about to end, and kept", async () => {
    await writeContext(path, context(10_000));
    expect((await session().context()).accessToken).to.equal("access-2");
    expect((await readContext(path)).refreshToken).to.equal("refresh-2");
    expect(await readdir(join(dir, "cabildo"))).to.deep.equal(["context.json"]);
  });

  it("exchanges its refresh token once, however many want it at the same time", async () => {
    await writeContext(path, context(0));
    const all = await Promise.all(Array.from({ length: 5 }, () => session().context()));
    expect(all.map(({ accessToken }) => accessToken)).to.deep.equal(Array(5).fill("access-2"));
    expect(used).to.deep.equal(["refresh-1"]);
  });

  it("says what to do when it has ended, or never began", async () => {
    const refusal = async (): Promise<string> =>
      await session()
        .context()
        .then(() => "", String);
    expect(await refusal()).to.contain("run `cabildo login` first");
    await writeContext(path, context(-1, -1));
    expect(await refusal()).to.contain("run `cabildo login` again");
  });

  it("lies where the environment says", () => {
    expect(contextPath({ CABILDO_CONFIG: "/a/b.json" })).to.equal("/a/b.json");
    expect(contextPath({ XDG_CONFIG_HOME: "/c" })).to.equal("/c/cabildo/context.json");
    expect(contextPath({})).to.match(/\.config\/cabildo\/context\.json$/u);
  });
});
