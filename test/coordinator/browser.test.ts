import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import type { Browser, Page } from "playwright-core";
import ts from "typescript";
import { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { ClusterError } from "../../src/base/index.js";
import { createTestAuthority } from "../support/certificates.js";
import { launchChromium } from "../support/chromium.js";
import { openDoor, type Door } from "./support/door.js";

const MODULES = {
  "@bufbuild/protobuf": "@bufbuild/protobuf/dist/esm/index.js",
  "@bufbuild/protobuf/codegenv2": "@bufbuild/protobuf/dist/esm/codegenv2/index.js",
  "@bufbuild/protobuf/reflect": "@bufbuild/protobuf/dist/esm/reflect/index.js",
  "@bufbuild/protobuf/wire": "@bufbuild/protobuf/dist/esm/wire/index.js",
  "@bufbuild/protobuf/wkt": "@bufbuild/protobuf/dist/esm/wkt/index.js",
  "@connectrpc/connect": "@connectrpc/connect/dist/esm/index.js",
  "@connectrpc/connect/protocol": "@connectrpc/connect/dist/esm/protocol/index.js",
  "@connectrpc/connect/protocol-connect": "@connectrpc/connect/dist/esm/protocol-connect/index.js",
  "@connectrpc/connect/protocol-grpc": "@connectrpc/connect/dist/esm/protocol-grpc/index.js",
  "@connectrpc/connect/protocol-grpc-web":
    "@connectrpc/connect/dist/esm/protocol-grpc-web/index.js",
  "@connectrpc/connect-web": "@connectrpc/connect-web/dist/esm/index.js",
};
const imports = Object.entries(MODULES).map(([name, path]) => [name, `/node_modules/${path}`]);
const PAGE = `<!doctype html><script type="importmap">${JSON.stringify({
  imports: Object.fromEntries(imports) as object,
})}</script>`;

/** A site with the packages that a page needs, as they are, and the generated files as JavaScript. */
async function openSite(): Promise<{ readonly server: Server; readonly origin: string }> {
  const tls = await (await createTestAuthority()).issue([]);
  const server = createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
    const path = normalize(request.url ?? "/");
    const answer = async (): Promise<string> => {
      if (path === "/") return PAGE;
      if (path.startsWith("/node_modules/")) return await readFile(path.slice(1), "utf8");
      const source = await readFile(join(path.slice(1).replace(/\.js$/u, ".ts")), "utf8");
      return ts.transpileModule(source, {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      }).outputText;
    };
    answer().then(
      (text) => {
        response.setHeader("content-type", path === "/" ? "text/html" : "text/javascript");
        response.end(text);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, origin: `https://localhost:${(server.address() as AddressInfo).port}` };
}

/** Runs in the page. */
async function callFrom(page: Page, transport: string, baseUrl: string): Promise<string> {
  return await page.evaluate(
    `(async () => {
      const { createClient } = await import("@connectrpc/connect");
      const web = await import("@connectrpc/connect-web");
      const { EventService } = await import("/gen/cabildo/v1/events_pb.js");
      const transport = web.${transport}({ baseUrl: ${JSON.stringify(baseUrl)} });
      const headers = { authorization: "Bearer t" };
      try {
        const request = { name: "calendars/ana/events/e1" };
        return (await createClient(EventService, transport).getEvent(request, { headers })).title;
      } catch (error) {
        return String(error);
      }
    })()`,
  );
}

describe("a page of another site in a browser", function () {
  this.timeout(60_000);
  let browser: Browser;
  let site: Awaited<ReturnType<typeof openSite>>;
  let door: Door;
  let page: Page;

  before(async function () {
    browser = await launchChromium(this, "what a browser allows is not tried");
    site = await openSite();
    door = await openDoor({ origins: [site.origin] });
    page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
    await page.goto(site.origin);
  });
  after(async () => {
    // Undefined where the browser was missing.
    await (browser as Browser | undefined)?.close();
    (site as typeof site | undefined)?.server.close();
    await (door as Door | undefined)?.close();
  });

  for (const transport of ["createConnectTransport", "createGrpcWebTransport"]) {
    it(`calls through ${transport}, and reads refusals`, async () => {
      door.gateway.answer = () => create(EventSchema, { title: "Ensayo" });
      expect(await callFrom(page, transport, door.url)).to.equal("Ensayo");
      door.gateway.answer = () => {
        throw new ClusterError("not-found", "no such event");
      };
      expect(await callFrom(page, transport, door.url)).to.contain("[not_found] no such event");
    });
  }

  it("is kept out of a door that does not know its site", async () => {
    const closed = await openDoor();
    const answer = await callFrom(page, "createConnectTransport", closed.url);
    expect(answer).to.contain("Failed to fetch");
    expect(closed.gateway.calls).to.be.empty;
    await closed.close();
  });
});
