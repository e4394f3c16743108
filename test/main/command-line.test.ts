import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { runCommandLine } from "../../src/main/command-line.js";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What a stream of this process is given while `work` runs. */
async function capture<Result>(
  stream: NodeJS.WriteStream,
  work: () => Promise<Result>,
): Promise<[Result, string]> {
  const write = stream.write.bind(stream);
  let text = "";
  stream.write = (part: string | Uint8Array) => {
    text += part.toString();
    return true;
  };
  try {
    const result = await work();
    return [result, text];
  } finally {
    stream.write = write;
  }
}

async function cabildo(...args: readonly string[]): Promise<Outcome> {
  const [[code, err], out] = await capture(process.stdout, () =>
    capture(process.stderr, () => runCommandLine(["node", "cabildo", ...args])),
  );
  return { code, out, err };
}

describe("the command line", () => {
  const config = process.env["CABILDO_CONFIG"];
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "command-line-"));
    process.env["CABILDO_CONFIG"] = join(dir, "none.json");
  });
  after(() => {
    if (config === undefined) delete process.env["CABILDO_CONFIG"];
    else process.env["CABILDO_CONFIG"] = config;
    rmSync(dir, { recursive: true });
  });

  it("has the commands that people and scripts know", async () => {
    const { code, out } = await cabildo("--help");
    expect(code).to.equal(0);
    const commands = [...out.matchAll(/^ {2}([a-z]+) /gmu)].map(([, name]) => name);
    for (const name of "up node coordinator fanout certs status login env watch live event".split(
      " ",
    )) {
      expect(commands).to.include(name);
    }
  });

  it("shows how with an example, for every command and every group of them", async () => {
    const inGroup =
      /^ {2}(?!help)([a-z-]+)(?: \[options\])?(?: \[\w+(?:\.{3})?\]| <[\w-]+>)*(?: {2}|$)/gmu;
    const without: string[] = [];
    const look = async (...path: readonly string[]): Promise<void> => {
      const { out } = await cabildo(...path, "--help");
      if (!/^Examples?:\n {2}(?:cabildo|sudo cabildo|eval) /mu.test(out))
        without.push(path.join(" "));
      const [, commands = ""] = out.split("Commands:\n");
      for (const [, name = ""] of commands.matchAll(inGroup)) await look(...path, name);
    };
    await look();
    expect(without).to.deep.equal([]);
  });

  it("says in a line what to do, with exit code 1, when something is missing", async () => {
    const { code, err } = await cabildo("event", "list");
    expect(code).to.equal(1);
    expect(err).to.equal("cabildo: nobody is logged in: run `cabildo login` first\n");
    expect((await cabildo("status", "--data", join(dir, "nothing"))).err).to.contain("make up");
  });

  it("ends with code 2 when it is misused", async () => {
    expect((await cabildo("upp")).code).to.equal(2);
    expect((await cabildo("up", "--layout", "round")).code).to.equal(2);
    expect((await cabildo("up", "--base-port", "many")).code).to.equal(2);
    const data = join(dir, "nothing");
    for (const [flag, value] of [
      ["--base-port", "99999"],
      ["--coordinators", "0"],
      ["--fanouts", "50"],
    ] as const) {
      expect(await cabildo("up", flag, value, "--data", data), flag).to.include({ code: 2 });
    }
    expect((await cabildo("node")).code).to.equal(2);
    expect((await cabildo("live", "inspect", "ana")).code).to.equal(2);
    expect((await cabildo("login", "ana", "--api", "here", "--ca", "ca.pem")).code).to.equal(2);
    const { err } = await cabildo("login", "ana", "--api", "https://h", "--data", data);
    expect(err).to.contain("--api needs --ca");
  });

  it("takes no roles away that nobody said to take", async () => {
    expect((await cabildo("user", "roles", "ana")).code).to.equal(2);
    expect((await cabildo("user", "roles", "ana", "admin", "--none")).code).to.equal(2);
  });

  it("names the file that is not there", async () => {
    const missing = join(dir, "missing.pem");
    expect((await cabildo("certs", "show", missing)).err).to.equal(
      `cabildo: there is no ${missing}\n`,
    );
  });

  it("does not call a trail whole that is not there", async () => {
    const empty = join(dir, "empty.jsonl");
    writeFileSync(empty, "");
    const { code, err } = await cabildo("audit", "verify", empty);
    expect(code).to.equal(1);
    expect(err).to.contain("there is no trail in");
  });

  it("makes certificates whose keys nobody else can read", async () => {
    const certs = join(dir, "certs");
    expect((await cabildo("certs", "init", "--dir", certs)).code).to.equal(0);
    const issued = await cabildo("certs", "issue", "node-1", "--role", "node", "--dir", certs);
    expect(issued.code).to.equal(0);
    expect(statSync(join(certs, "node-1-key.pem")).mode & 0o777).to.equal(0o600);
    const { out } = await cabildo("certs", "show", join(certs, "node-1.pem"));
    expect(out).to.contain("URI:cabildo://cabildo/node/node-1");
    const authority = readFileSync(join(certs, "ca.pem"), "utf8");
    for (const name of ["ca", "../ca", "certs/x"]) {
      const refused = await cabildo("certs", "issue", name, "--role", "node", "--dir", certs);
      expect(refused.code, name).to.equal(2);
    }
    expect(readFileSync(join(certs, "ca.pem"), "utf8")).to.equal(authority);
    expect((await cabildo("certs", "issue", "x", "--role", "king", "--dir", certs)).code).to.equal(
      2,
    );
    chmodSync(join(certs, "ca-key.pem"), 0o640);
    const open = await cabildo("certs", "issue", "node-2", "--role", "node", "--dir", certs);
    expect(open.code).to.equal(1);
    expect(open.err).to.contain("ca-key.pem can be read by others: chmod 600 it");
  });
});
