import { mkdirSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import type { Page } from "playwright-core";
import { launchChromium } from "../../support/chromium.js";
import { eventually } from "../../support/eventually.js";
import { repositoryRoot, type UpCluster } from "../../support/up-cluster.js";

const KILLS = 3;
/** At least so many writes are counted. */
const ACKNOWLEDGED = 50;
/** With SCREENSHOTS=docs/images the pictures of README are made anew. */
const SCREENSHOTS = process.env["SCREENSHOTS"];
const WAIT_MS = 60_000;

export function demoPage(running: () => UpCluster): void {
  describe("the page that shows the cluster, in a browser", function () {
    this.timeout(300_000);
    let cluster: UpCluster;
    let page: Page;
    const troubles: string[] = [];
    const closing: (() => Promise<unknown>)[] = [];

    before(async function () {
      cluster = running();
      const browser = await launchChromium(this, "the page is not looked at");
      closing.unshift(() => browser.close());
      page = await browser.newPage({
        ignoreHTTPSErrors: true,
        locale: "en-US",
        viewport: { width: 1180, height: 1180 },
        deviceScaleFactor: 2,
        colorScheme: "light",
      });
      page.on("pageerror", (error) => troubles.push(error.message));
      await page.goto(cluster.ready.demo ?? "");
    });
    after(async () => {
      for (const close of closing) await close();
    });

    const count = async (id: string): Promise<number> =>
      Number(((await page.textContent(`#${id}`)) ?? "").replaceAll(/\D/gu, ""));
    const picture = async (name: string): Promise<void> => {
      if (SCREENSHOTS === undefined) return;
      const directory = path.join(repositoryRoot(), SCREENSHOTS);
      mkdirSync(directory, { recursive: true });
      await page.screenshot({ path: path.join(directory, `${name}.png`), fullPage: true });
    };

    it("shows at Nora's what Ana proposes, and confirms it once Nora accepts", async () => {
      await page.click("#left form button", { timeout: WAIT_MS });
      await page.waitForSelector('#right .card[data-state="pending"]', { timeout: WAIT_MS });
      await page.click("#right .answers .primary");
      for (const side of ["#left", "#right"]) {
        const confirmed = `${side} .card[data-state="confirmed"]`;
        await page.waitForSelector(confirmed, { timeout: WAIT_MS });
      }
    });

    it(`loses nothing and shows nothing twice while ${KILLS} leaders are killed`, async () => {
      for (let kill = 1; kill <= KILLS; kill++) {
        await page.click("#kill:not([disabled])", { timeout: WAIT_MS });
        await eventually(async () => (await count("kills")) === kill, { what: "the kill" });
        if (kill === 2) {
          // Somebody proposes while a machine is down.
          await page.click("#left form button:not([disabled])", { timeout: WAIT_MS });
          await page.click("#right .answers .primary:not([disabled])", { timeout: WAIT_MS });
        }
        await eventually(async () => (await count("failover")) > 0, {
          timeoutMs: WAIT_MS,
          what: "a write after the kill",
        });
        console.log(`      failover ${await count("failover")} ms`);
      }
      await page.waitForSelector("#kill:not([disabled])", { timeout: WAIT_MS });
      await eventually(async () => (await count("acknowledged")) > ACKNOWLEDGED, {
        timeoutMs: WAIT_MS,
        what: "enough writes",
      });
      const acknowledged = await count("acknowledged");
      await eventually(async () => (await count("seen")) >= acknowledged, {
        timeoutMs: WAIT_MS,
        what: "everything that was acknowledged",
      });
      console.log(`      ${acknowledged} acknowledged, ${await count("seen")} seen`);
      expect({ lost: await count("lost"), duplicated: await count("duplicated") }).to.deep.equal({
        lost: 0,
        duplicated: 0,
      });
      expect(troubles).to.deep.equal([]);
      await picture("demo");
    });

    it("speaks Spanish, and fits a phone", async () => {
      await page.setViewportSize({ width: 390, height: 844 });
      await page.click('[data-language="es"]');
      expect(await page.textContent("#left form button")).to.equal("Proponer");
      expect(await page.textContent(".proof h2")).to.equal("Nada perdido, nada repetido");
      const overflow = await page.evaluate<number>(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      );
      expect(overflow).to.equal(0);
      await picture("demo-phone");
    });

    it("lets nobody else kill a leader", async () => {
      const { demo = "" } = cluster.ready;
      const response = await page.request.post(`${demo}kill`, {
        data: { shard: "events-am" },
        headers: { origin: "https://evil.example" },
      });
      expect(response.status()).to.equal(403);
    });
  });
}
