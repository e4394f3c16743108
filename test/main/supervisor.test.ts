import { spawn } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { BackOff } from "../../src/main/supervisor/back-off.js";
import type { ChildKind, ChildSpec } from "../../src/main/supervisor/child.js";
import { requireFreePorts } from "../../src/main/supervisor/free-ports.js";
import { Supervisor } from "../../src/main/supervisor/supervisor.js";

/** Says that it is ready, and when it is told to stop. */
const OBEDIENT = `
  process.on("SIGTERM", () => { console.log("stopped"); process.exit(0); });
  process.on("disconnect", () => process.exit(0));
  process.send({ kind: "ready" });`;
const STILLBORN = `console.error("the disk is gone"); process.exit(3);`;

const spec = (name: string, kind: ChildKind, script: string): ChildSpec => ({
  name,
  kind,
  command: process.execPath,
  args: ["--eval", script],
  env: process.env,
});

interface Heard {
  readonly lines: string[];
  readonly notices: string[];
  restarts: number;
}

function supervise(restart: boolean): { supervisor: Supervisor; heard: Heard } {
  const heard: Heard = { lines: [], notices: [], restarts: 0 };
  const supervisor = new Supervisor({
    restart,
    onLine: (name, text) => heard.lines.push(`${name}: ${text}`),
    onNotice: (text) => heard.notices.push(text),
    onRestarted: () => (heard.restarts += 1),
  });
  return { supervisor, heard };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1500 && !condition(); tries++) await sleep(10);
  expect(condition()).to.equal(true);
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe("the supervisor of a cluster", () => {
  it("starts every process and waits until each is ready", async () => {
    const { supervisor } = supervise(true);
    await supervisor.start([spec("node-1", "node", OBEDIENT), spec("node-2", "node", OBEDIENT)]);
    expect(isAlive(supervisor.pid("node-1"))).to.equal(true);
    expect(isAlive(supervisor.pid("node-2"))).to.equal(true);
    await supervisor.stop();
    expect(isAlive(supervisor.pid("node-1"))).to.equal(false);
  });

  it("stops the doors before the nodes", async () => {
    const { supervisor, heard } = supervise(true);
    const slow = OBEDIENT.replace(
      'console.log("stopped"); process.exit(0);',
      "setTimeout(() => { console.log('stopped'); process.exit(0); }, 200);",
    );
    await supervisor.start([
      spec("node-1", "node", OBEDIENT),
      spec("coordinator-1", "coordinator", slow),
      spec("fanout-1", "fanout", slow),
    ]);
    await supervisor.stop();
    expect(heard.lines.at(-1)).to.equal("node-1: stopped");
    expect(heard.lines).to.have.length(3);
  });

  it("starts again what died, and says so", async () => {
    const { supervisor, heard } = supervise(true);
    await supervisor.start([spec("node-1", "node", OBEDIENT)]);
    const before = supervisor.pid("node-1");
    process.kill(before, "SIGKILL");
    await until(() => heard.notices.includes("node-1 is back"));
    expect(heard.notices[0]).to.equal("node-1 died (signal SIGKILL); it starts again in 200 ms");
    expect(heard.restarts).to.equal(1);
    expect(supervisor.pid("node-1")).to.not.equal(before);
    await supervisor.stop();
  });

  it("starts one after the other again what died together", async () => {
    const { supervisor, heard } = supervise(true);
    const slow = `
      console.log("begins");
      setTimeout(() => { console.log("ready"); ${OBEDIENT} }, 300);`;
    await supervisor.start([spec("node-1", "node", slow), spec("node-2", "node", slow)]);
    heard.lines.length = 0;
    for (const name of ["node-1", "node-2"]) process.kill(supervisor.pid(name), "SIGKILL");
    await until(() => heard.lines.length === 4);
    const [first] = heard.lines[0]?.split(":") ?? [];
    const second = first === "node-1" ? "node-2" : "node-1";
    expect(heard.lines).to.deep.equal([
      ...[`${first}: begins`, `${first}: ready`],
      ...[`${second}: begins`, `${second}: ready`],
    ]);
    await supervisor.stop();
  });

  it("leaves the dead alone when it is told to", async () => {
    const { supervisor, heard } = supervise(false);
    await supervisor.start([spec("node-1", "node", OBEDIENT)]);
    process.kill(supervisor.pid("node-1"), "SIGKILL");
    await until(() => heard.notices.length > 0);
    expect(heard.notices).to.deep.equal(["node-1 died (signal SIGKILL) and stays away"]);
    await supervisor.stop();
  });

  it("gives the last words of a process that never became ready", async () => {
    const { supervisor } = supervise(true);
    let message = "";
    await supervisor.start([spec("node-1", "node", STILLBORN)]).catch((cause: unknown) => {
      message = String(cause);
    });
    expect(message).to.contain("node-1 ended before it was ready (exit code 3)");
    expect(message).to.contain("the disk is gone");
    await supervisor.stop();
  });

  it("takes its processes along when it is killed itself", async () => {
    const script = `
      import { Supervisor } from "./src/main/supervisor/supervisor.ts";
      const supervisor = new Supervisor({ restart: true, onLine() {}, onNotice() {}, onRestarted() {} });
      await supervisor.start([${JSON.stringify(spec("node-1", "node", OBEDIENT))}]);
      console.log(supervisor.pid("node-1"));`;
    const parent = spawn(
      process.execPath,
      ["--import", "tsx/esm", "--input-type=module", "--eval", script],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    const pid = await new Promise<number>((resolve) => {
      parent.stdout.once("data", (text: Buffer) => resolve(Number(text.toString())));
    });
    expect(isAlive(pid)).to.equal(true);
    parent.kill("SIGKILL");
    await until(() => !isAlive(pid));
  });
});

describe("the pause before a process is started again", () => {
  it("doubles from 200 ms to 5 s, and begins anew after a stable run", () => {
    const backOff = new BackOff();
    const delays = Array.from({ length: 7 }, () => backOff.delayMs(50));
    expect(delays).to.deep.equal([200, 400, 800, 1600, 3200, 5000, 5000]);
    expect(backOff.delayMs(10_000)).to.equal(200);
  });
});

describe("a port that something else holds", () => {
  it("is named, with the process that wanted it", async () => {
    const holder = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => holder.once("listening", resolve));
    const { port } = holder.address() as AddressInfo;
    let message = "";
    const wanted = [{ port, owner: "coordinator-1" }];
    await requireFreePorts("127.0.0.1", wanted, 0).catch((cause: unknown) => {
      message = String(cause);
    });
    holder.close();
    expect(message).to.contain(`port ${port} (for coordinator-1) is in use on 127.0.0.1`);
  });
});
