import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import path from "node:path";
import { connect } from "node:tls";
import { stripVTControlCharacters } from "node:util";
import { expect } from "chai";
import { eventInit } from "../gateway/support.js";
import { eventually } from "../support/eventually.js";
import { LiveSubscriber } from "../support/live-subscriber.js";
import { CABILDO, UpCluster } from "../support/up-cluster.js";

const PAUSE_MS = 20;
const RENEWED = /(\S+) +info +the certificate is renewed certificate=(\S+)/u;

describe("certificates of a running cluster", function () {
  this.timeout(150_000);
  let cluster: UpCluster;
  let certs: string;
  /** `<process> <certificate>` as often as the process said that it took a new one. */
  const renewed: string[] = [];

  before(async () => {
    cluster = await UpCluster.start({
      extra: ["--log-level", "info"],
      log: (line) => {
        const [, who, which] = RENEWED.exec(stripVTControlCharacters(line)) ?? [];
        if (who !== undefined && which !== undefined) renewed.push(`${who} ${which}`);
      },
    });
    certs = path.join(cluster.ready.dataDir, "certs");
  });
  after(() => cluster.stop());

  const cabildo = (...args: readonly string[]): void => {
    execFileSync(process.execPath, [CABILDO, ...args], { stdio: "pipe" });
  };

  const shown = (url: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(url);
      const socket = connect({ host: hostname, port: Number(port), ca: cluster.ca }, () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      });
      socket.on("error", reject);
    });

  /** Each process has taken what is on the disk now, for itself and for the doors. */
  async function taken(change: () => void): Promise<void> {
    const { nodes, coordinators, fanouts } = cluster.ready;
    const doors = [...coordinators, ...fanouts].map(({ name }) => name);
    const wanted = [
      ...[...nodes.map(({ name }) => name), ...doors].map((name) => `${name} ${name}`),
      ...doors.map((name) => `${name} server`),
    ];
    renewed.length = 0;
    change();
    await eventually(() => wanted.every((one) => renewed.includes(one)), {
      timeoutMs: 60_000,
      what: "every process to take its new certificate",
    });
  }

  /** Calls over a connection that stays and over new ones to both doors, until `work` is done; says what failed. */
  async function underLoad(work: () => Promise<void>): Promise<readonly string[]> {
    const failed: string[] = [];
    const note = (what: string) => (cause: unknown) => failed.push(`${what}: ${String(cause)}`);
    const ana = await cluster.signIn("ana");
    const listener = new LiveSubscriber({
      ...{ urls: cluster.ready.wsss, ca: cluster.ca, token: ana.accessToken },
      channels: ["calendars/ana"],
    });
    await listener.subscribed;
    let isOver = false;
    const loop = async (what: string, call: () => Promise<unknown>): Promise<number> => {
      let calls = 0;
      for (; !isOver; calls++) {
        await call().catch(note(what));
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      return calls;
    };
    const loops = [
      loop("a write over gRPC", () =>
        ana.events.createEvent({ parent: "calendars/ana", event: eventInit() }),
      ),
      loop("a new connection of the API", () => status(`${cluster.ready.api}/readyz`)),
      loop("a new connection of the live channels", () =>
        again(() => status(`${cluster.ready.wss.replace("wss:", "https:")}/readyz`)),
      ),
    ];
    try {
      await work();
    } finally {
      isOver = true;
    }
    const calls = await Promise.all(loops);
    if (Math.min(...calls) === 0) failed.push("there was no load");
    if (listener.reconnects > 0) failed.push("an open socket was ended");
    listener.close();
    return [...new Set(failed)];
  }

  /** What waits at a listener in the instant in which it closes is reset, and every client of sockets tries again. */
  const again = (call: () => Promise<void>): Promise<void> =>
    call().catch((cause: unknown) => {
      if (!String(cause).includes("ECONNRESET")) throw cause;
      return call();
    });

  const status = (url: string): Promise<void> =>
    new Promise((resolve, reject) => {
      get(url, { ca: cluster.ca, agent: false }, (response) => {
        response.resume();
        if (response.statusCode === 200) resolve();
        else reject(new Error(`status ${String(response.statusCode)}`));
      }).on("error", reject);
    });

  it("are taken from the disk without a restart, and no call fails", async () => {
    await cluster.person("ana");
    const { api, wss, nodes } = cluster.ready;
    const doors = [api, wss];
    const before = await Promise.all(doors.map(shown));
    const failed = await underLoad(() =>
      taken(() => cabildo("certs", "renew", "--all", "--dir", certs)),
    );
    expect(failed).to.deep.equal([]);
    const after = await Promise.all(doors.map(shown));
    expect(after.map((one, i) => one === before[i])).to.deep.equal([false, false]);
    expect(cluster.current().nodes.map(({ pid }) => pid)).to.deep.equal(
      nodes.map(({ pid }) => pid),
    );
  });

  it("move to another authority in two steps, and no call fails", async () => {
    const next = mkdtempSync(path.join(cluster.ready.dataDir, "next-"));
    const failed = await underLoad(async () => {
      cabildo("certs", "init", "--dir", next);
      const both = ["ca.pem"].map(
        (file) =>
          readFileSync(path.join(next, file), "utf8") +
          readFileSync(path.join(certs, file), "utf8"),
      );
      await taken(() => {
        writeFileSync(path.join(next, "both.pem"), both.join(""));
        renameSync(path.join(next, "both.pem"), path.join(certs, "ca.pem"));
        renameSync(path.join(next, "ca-key.pem"), path.join(certs, "ca-key.pem"));
      });
      await taken(() => cabildo("certs", "renew", "--all", "--dir", certs));
      await taken(() => renameSync(path.join(next, "ca.pem"), path.join(certs, "ca.pem")));
    });
    rmSync(next, { recursive: true });
    expect(failed).to.deep.equal([]);
    // Whoever starts now believes the new authority alone, and is believed.
    await cluster.kill("node-1");
    await cluster.healthy();
  });

  it("that cannot be used are passed over", async () => {
    const before = await shown(cluster.ready.api);
    const file = path.join(certs, "server.pem");
    const good = readFileSync(file);
    renewed.length = 0;
    writeFileSync(file, readFileSync(path.join(certs, "operator.pem")));
    // Another one is renewed after it: each process has looked at both since.
    cabildo("certs", "renew", "coordinator-1", "--dir", certs);
    await eventually(() => renewed.includes("coordinator-1 coordinator-1"), { timeoutMs: 60_000 });
    expect(await shown(cluster.ready.api)).to.equal(before);
    writeFileSync(file, good);
  });
});
