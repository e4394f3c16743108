import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import { expect } from "chai";
import { launchChromium } from "../../support/chromium.js";
import { eventually } from "../../support/eventually.js";
import { repositoryRoot, type Person, type UpCluster } from "../../support/up-cluster.js";

const EVENTS = 40;

/** Logs in, keeps a copy of its calendar, writes into it, and says at the end what the copy holds. */
const PROGRAM = `
import { createCabildo } from "cabildo/client";
const { api, live, ca } = JSON.parse(process.argv[2]);
const say = (line) => console.log(JSON.stringify(line));
const cabildo = createCabildo({ api, live, ca, onLiveState: (state) => say({ state }) });
await cabildo.session.login("amos", "amos likes long passwords");
let copy = new Map();
const phone = createCabildo({ api, live, ca });
await phone.session.login("amos", "amos likes long passwords");
let choice;
const heardByPhone = [];
(async () => {
  for await (const event of phone.live.subscribeChosen()) {
    if (event.kind === "chosen") choice = event.channels;
    if (event.kind === "change") heardByPhone.push(event.change.resource.value.title);
  }
})();
const until = async (holds) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
};
await until(() => choice !== undefined);
const subscriptions = { name: "users/amos/subscriptions", channels: ["calendars/amos"] };
await cabildo.subscriptions.updateSubscriptions({ subscriptions });
await until(() => choice.includes("calendars/amos"));
const watched = cabildo.watchCalendar("calendars/amos", {
  changed: (events) => { copy = events; say({ size: events.size }); },
  failed: (error) => { throw error; },
});
// Each of them hears all of its own, whatever the others hear.
const failed = (error) => { throw error; };
const heardByUser = [];
let joined = false;
const heard = ({ kind, change }) => {
  joined ||= kind === "joined";
  if (kind === "change" && change.resource.case === "event") heardByUser.push(change.resource.value.title);
};
cabildo.live.listen(["users/amos"], { heard, failed });
await until(() => joined);
let second = new Map();
cabildo.watchCalendar("calendars/amos", { changed: (events) => { second = events; }, failed });
for (let n = 0; n < ${EVENTS}; n++) {
  const startTime = { seconds: BigInt(1_800_000_000 + n * 3600) };
  const endTime = { seconds: startTime.seconds + 1800n };
  const event = { title: "event " + n, span: { case: "timed", value: { startTime, endTime } } };
  const { name } = await cabildo.events.createEvent({ parent: "calendars/amos", event });
  const seen = await cabildo.events.getEvent({ name });
  if (seen.title !== event.title) throw new Error("did not see what it wrote");
  say({ created: n });
  await new Promise((resolve) => setTimeout(resolve, 50));
}
const lists = () => [[...copy.values()], [...second.values()], heardByPhone, heardByUser];
await until(() => lists().every(({ length }) => length >= ${EVENTS}));
const titlesOf = (events) => events.map(({ title }) => title).sort();
say({
  titles: titlesOf([...copy.values()]),
  secondCopy: titlesOf([...second.values()]),
  heardByPhone: heardByPhone.sort(),
  heardByUser: heardByUser.sort(),
  counters: cabildo.live.counters,
});
phone.close();
watched.close();
cabildo.close();
`;

/** Runs in a browser: writes into a calendar of which it keeps a copy, and returns what that holds. */
const PAGE = `async (target) => {
  const cabildo = library.createCabildo(target);
  await cabildo.session.login("amos", "amos likes long passwords");
  const calendar = { name: "calendars/amos.browser", displayName: "Browser" };
  await cabildo.calendars.createCalendar({ calendarId: "amos.browser", calendar });
  const titles = new Promise((resolve, failed) => {
    const changed = (events) => {
      if (events.size > 0) resolve([...events.values()].map(({ title }) => title));
    };
    cabildo.watchCalendar("calendars/amos.browser", { changed, failed });
  });
  const value = { startTime: { seconds: 1800000000n }, endTime: { seconds: 1800001800n } };
  const event = { title: "written in a browser", span: { case: "timed", value } };
  await cabildo.events.createEvent({ parent: "calendars/amos.browser", event });
  return await titles.finally(() => cabildo.close());
}`;

/** Runs in a browser: keeps a copy of a calendar, and tells by globals what it holds and how the connection is. */
const LISTENING_PAGE = `async (target) => {
  globalThis.states = [];
  globalThis.titles = new Set();
  const onLiveState = ({ kind }) => states.push(kind);
  const cabildo = library.createCabildo({ ...target, onLiveState });
  await cabildo.session.login("amos", "amos likes long passwords");
  const calendar = { name: "calendars/amos.page", displayName: "Page" };
  await cabildo.calendars.createCalendar({ calendarId: "amos.page", calendar });
  const changed = (events) => {
    globalThis.titles = new Set([...events.values()].map(({ title }) => title));
  };
  cabildo.watchCalendar("calendars/amos.page", { changed, failed: (error) => states.push(String(error)) });
}`;

interface Said {
  readonly created?: number;
  readonly titles?: readonly string[];
  readonly secondCopy?: readonly string[];
  readonly heardByPhone?: readonly string[];
  readonly heardByUser?: readonly string[];
  readonly counters?: { readonly gaps: number; readonly connections: number };
  readonly state?: { readonly kind: string; readonly server?: string };
}

export function clientLibrary(running: () => UpCluster): void {
  describe("the client library, packed and installed in an empty project", function () {
    this.timeout(180_000);
    let project: string;
    let cluster: UpCluster;
    let amos: Person;

    before(async () => {
      project = mkdtempSync(path.join(tmpdir(), "client-project-"));
      const root = repositoryRoot();
      const npm = (cwd: string, ...args: string[]): string =>
        execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      const packed = execFileSync("make", ["client"], { cwd: root, encoding: "utf8" });
      const tarball = path.join(root, packed.trim().split("\n").at(-1) ?? "");
      writeFileSync(path.join(project, "package.json"), '{"type":"module","private":true}');
      npm(project, "install", "--no-audit", "--no-fund", tarball, "ws@8.23.0");
      cluster = running();
      amos = await cluster.person("amos");
    });
    after(() => rmSync(project, { recursive: true }));

    it("depends on protobuf-es and Connect alone", () => {
      const { dependencies } = JSON.parse(
        readFileSync(path.join(project, "node_modules/cabildo/package.json"), "utf8"),
      ) as { readonly dependencies: Record<string, string> };
      expect(Object.keys(dependencies)).to.deep.equal([
        "@bufbuild/protobuf",
        "@connectrpc/connect",
        "@connectrpc/connect-node",
        "@connectrpc/connect-web",
      ]);
    });

    it("is bundled for a browser without anything of Node, and runs there", async function () {
      const { bundle, warnings, metafile } = await bundleFor(project);
      expect(warnings).to.deep.equal([]);
      const inputs = Object.keys(metafile.inputs);
      expect(inputs.some((file) => file.endsWith("src/client/browser.js"))).to.equal(true);
      expect(inputs.filter((file) => file.includes("connect-node"))).to.deep.equal([]);
      console.log(`      ${Math.round(Buffer.byteLength(bundle) / 1024)} KiB, minified`);
      const browser = await launchChromium(this, "the library is not run in a browser");
      try {
        const page = await browser.newPage({ ignoreHTTPSErrors: true });
        const [api] = cluster.ready.apis;
        await page.goto(`${api}/livez`);
        const target = JSON.stringify({ api: [api], live: cluster.ready.wsss });
        expect(await page.evaluate(`${bundle};(${PAGE})(${target})`)).to.deep.equal([
          "written in a browser",
        ]);
      } finally {
        await browser.close();
      }
    });

    it("knows in a browser when the network goes and comes, and when somebody looks again", async function () {
      const { bundle } = await bundleFor(project);
      const browser = await launchChromium(this, "the library is not run in a browser");
      try {
        const context = await browser.newContext({ ignoreHTTPSErrors: true });
        const page = await context.newPage();
        const [api] = cluster.ready.apis;
        await page.goto(`${api}/livez`);
        const target = JSON.stringify({ api: [api], live: cluster.ready.wsss });
        await page.evaluate(`${bundle};(${LISTENING_PAGE})(${target})`);
        const becomes = (state: string): Promise<boolean> =>
          eventually(async () => (await page.evaluate("states.at(-1)")) === state, { what: state });
        const hears = (title: string): Promise<boolean> =>
          eventually(() => page.evaluate<boolean>(`titles.has(${JSON.stringify(title)})`));
        const write = async (title: string): Promise<void> => {
          const startTime = { seconds: 1_900_000_000n };
          const value = { startTime, endTime: { seconds: startTime.seconds + 1800n } };
          const span = { case: "timed", value } as const;
          await amos.events.createEvent({ parent: "calendars/amos.page", event: { title, span } });
        };
        await becomes("connected");
        await context.setOffline(true);
        await becomes("offline");
        await write("while the network is gone");
        await context.setOffline(false);
        await becomes("connected");
        await hears("while the network is gone");
        await page.evaluate('window.dispatchEvent(new Event("offline"))');
        await becomes("offline");
        await write("while nobody looks");
        await page.evaluate('document.dispatchEvent(new Event("visibilitychange"))');
        await becomes("connected");
        await hears("while nobody looks");
      } finally {
        await browser.close();
      }
    });

    it("keeps a copy of a calendar exact while a fan-out and a node are killed", async () => {
      const { apis, wsss } = cluster.ready;
      writeFileSync(path.join(project, "program.mjs"), PROGRAM);
      const target = JSON.stringify({ api: apis, live: wsss, ca: cluster.ca });
      const child: ChildProcess = spawn(process.execPath, ["program.mjs", target], {
        cwd: project,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const said: Said[] = [];
      if (child.stdout === null) throw new Error("no output to read");
      createInterface({ input: child.stdout }).on("line", (line) =>
        said.push(JSON.parse(line) as Said),
      );
      const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
      const progress = (): number => said.filter(({ created }) => created !== undefined).length;
      await eventually(() => progress() > EVENTS / 4);
      const server = said.findLast(({ state }) => state?.kind === "connected")?.state?.server ?? "";
      await cluster.kill(server);
      await eventually(() => progress() > EVENTS / 2);
      await cluster.kill("node-1");
      expect(await ended).to.equal(0);
      const last = said.findLast((line) => line.titles !== undefined) ?? {};
      const { titles, secondCopy, heardByPhone, heardByUser, counters } = last;
      const expected = Array.from({ length: EVENTS }, (_, n) => `event ${n}`).sort();
      expect(titles).to.deep.equal(expected);
      expect(secondCopy).to.deep.equal(expected);
      expect(heardByUser).to.deep.equal(expected);
      // A second device, by what the user chose on the first one.
      expect(heardByPhone).to.deep.equal(expected);
      expect(counters).to.include({ gaps: 0 });
      expect(counters?.connections).to.be.greaterThan(1);
    });
  });
}

/** The library for a browser, as the global `library`. */
async function bundleFor(project: string) {
  const { outputFiles, ...about } = await build({
    stdin: {
      contents: 'export { createCabildo } from "cabildo/client";',
      resolveDir: project,
    },
    bundle: true,
    minify: true,
    format: "iife",
    globalName: "library",
    platform: "browser",
    metafile: true,
    write: false,
  });
  return { bundle: outputFiles[0]?.text ?? "", ...about };
}
