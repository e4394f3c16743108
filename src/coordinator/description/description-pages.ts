import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { DescService } from "@bufbuild/protobuf";
import { respond, type HttpRequest, type HttpResponse } from "../http.js";
import { describePublicApi } from "./document.js";

interface Page {
  readonly contentType: string;
  readonly text: string;
  readonly zipped: Buffer;
  readonly etag: string;
}

const compress = promisify(gzip);
const { resolve } = createRequire(import.meta.url);
const VIEWER = "swagger-ui-dist";
/** The viewer sets styles by script; nothing is loaded from elsewhere, and nobody may frame a page that holds a token. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cabildo: the API</title>
<link rel="stylesheet" href="/docs/viewer.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="viewer"></div>
<script src="/docs/viewer.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;
const START = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  filter: true,
  tryItOutEnabled: true,
});
`;

/** `/openapi.json`, and `/docs`, which shows it without asking anyone else. Made when first asked for, then kept. */
export class DescriptionPages {
  readonly #makers: Readonly<Record<string, () => Promise<Page>>>;
  readonly #made = new Map<string, Promise<Page>>();

  constructor(services: readonly DescService[]) {
    this.#makers = {
      "/openapi.json": () => page("application/json", JSON.stringify(describePublicApi(services))),
      "/docs": () => page("text/html; charset=utf-8", HTML),
      "/docs/start.js": () => page("text/javascript; charset=utf-8", START),
      "/docs/viewer.js": () => viewerPage("text/javascript; charset=utf-8", "swagger-ui-bundle.js"),
      "/docs/viewer.css": () => viewerPage("text/css; charset=utf-8", "swagger-ui.css"),
    };
  }

  has(path: string): boolean {
    return Object.hasOwn(this.#makers, path);
  }

  async serve(path: string, request: HttpRequest, response: HttpResponse): Promise<void> {
    const { contentType, text, zipped, etag } = await this.#page(path);
    const zip = /\bgzip\b/u.test(request.headers["accept-encoding"] ?? "");
    const headers = {
      "content-type": contentType,
      "cache-control": "no-cache",
      etag,
      vary: "accept-encoding",
      "content-security-policy": POLICY,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    };
    if (request.headers["if-none-match"] === etag) {
      response.writeHead(304, headers);
      response.end();
    } else if (zip) respond(response, 200, { ...headers, "content-encoding": "gzip" }, zipped);
    else respond(response, 200, headers, text);
  }

  #page(path: string): Promise<Page> {
    const known = this.#made.get(path);
    if (known !== undefined) return known;
    const make = this.#makers[path];
    const made = make === undefined ? Promise.reject(new Error(`no page ${path}`)) : make();
    this.#made.set(path, made);
    // What could not be read this time may be there the next.
    made.catch(() => this.#made.delete(path));
    return made;
  }
}

async function viewerPage(contentType: string, file: string): Promise<Page> {
  return page(contentType, await readFile(resolve(`${VIEWER}/${file}`), "utf8"));
}

async function page(contentType: string, text: string): Promise<Page> {
  const digest = createHash("sha256").update(text).digest("base64url").slice(0, 16);
  return { contentType, text, zipped: await compress(text), etag: `"${digest}"` };
}
