import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { join } from "node:path";
import { PACKAGE_ROOT } from "./package-root.js";
import { asObject, parseObject, requireText } from "./json-shape.js";
import type { Operator } from "./client/operator.js";

/** The page of `cabildo up --demo`, and what it may do that nobody else may: see the machines, and kill one. */
export interface DemoOptions {
  readonly host: string;
  readonly port: number;
  /** PEM text, as the public doors show it. */
  readonly tls: { readonly cert: string; readonly key: string };
  readonly apis: readonly string[];
  readonly wsss: readonly string[];
  /** From which the password of the two people of the page is made: it holds for one cluster. */
  readonly secret: string;
  readonly operator: Pick<Operator, "status">;
  /** SIGKILL, as a machine that dies. */
  kill(node: string): void;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
}

const FILES = join(PACKAGE_ROOT, "dist/demo");
const TYPES: Readonly<Record<string, string>> = {
  "index.html": "text/html; charset=utf-8",
  "app.js": "text/javascript; charset=utf-8",
  "style.css": "text/css; charset=utf-8",
};
const PATH = "/demo/";
const BODY_BYTES_MAX = 1024;
/** Everybody who looks at the page shares one question to the nodes. */
const STATUS_MS = 200;

export interface DemoServer {
  close(): Promise<void>;
}

/** Fails if the port is taken. */
export async function openDemoServer(options: DemoOptions): Promise<DemoServer> {
  const demo = new Demo(options);
  const server = createServer(options.tls, (request, response) => {
    demo.answer(request).then(
      (answer) => send(response, answer, options),
      (cause: unknown) => {
        const message = cause instanceof Error ? cause.message : String(cause);
        send(response, { status: 500, type: "text/plain", body: `${message}\n` }, options);
      },
    );
  });
  await listen(server, options.host, options.port);
  return {
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

class Demo {
  readonly #options: DemoOptions;
  #status: Promise<string> | undefined;

  constructor(options: DemoOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage): Promise<Answer> {
    const { pathname } = new URL(request.url ?? "/", "https://localhost");
    const reads = request.method === "GET" || request.method === "HEAD";
    if (reads && (pathname === "/" || pathname === "/demo")) {
      return { status: 307, type: "text/plain", body: PATH };
    }
    if (!pathname.startsWith(PATH)) return NOT_FOUND;
    const name = pathname.slice(PATH.length);
    if (request.method === "POST" && name === "kill") return await this.#kill(request);
    if (!reads) return { status: 405, type: "text/plain", body: "no such method\n" };
    switch (name) {
      case "town":
        return json(this.#town());
      case "cluster":
        return { status: 200, type: JSON_TYPE, body: await this.#cluster() };
      default: {
        const file = name === "" ? "index.html" : name;
        const type = TYPES[file];
        if (type === undefined) return NOT_FOUND;
        return { status: 200, type, body: await readFile(join(FILES, file)) };
      }
    }
  }

  #town(): object {
    const { apis: api, wsss: live, secret } = this.#options;
    const password = createHash("sha256").update(`demo ${secret}`).digest("base64url");
    return { api, live, password };
  }

  #cluster(): Promise<string> {
    if (this.#status === undefined) {
      this.#status = this.#describe();
      const forget = (): void => {
        setTimeout(() => (this.#status = undefined), STATUS_MS);
      };
      this.#status.then(forget, forget);
    }
    return this.#status;
  }

  async #describe(): Promise<string> {
    const { shards } = await this.#options.operator.status();
    return JSON.stringify(
      shards.map(({ name, leader, term, replicas }) => ({
        name,
        leader,
        term: String(term),
        replicas: replicas.map(({ node, role, reachable }) => ({
          node,
          role: reachable ? role : "unreachable",
        })),
      })),
    );
  }

  /** A page of another site cannot name this one as its origin. */
  async #kill(request: IncomingMessage): Promise<Answer> {
    const { origin, host } = request.headers;
    if (origin !== `https://${host ?? ""}`) {
      return { status: 403, type: "text/plain", body: "only the page itself may do this\n" };
    }
    const asked = parseObject(await readBody(request), "the request");
    const wanted = requireText(asObject(asked, "the request"), "shard", "the request");
    const { shards } = await this.#options.operator.status();
    const node = shards.find(({ name }) => name === wanted)?.leader ?? "";
    if (node === "") {
      return { status: 409, type: "text/plain", body: `nobody leads ${wanted} now\n` };
    }
    this.#options.kill(node);
    return json({
      node,
      shards: shards.filter(({ leader }) => leader === node).map(({ name }) => name),
    });
  }
}

const JSON_TYPE = "application/json";
const NOT_FOUND: Answer = { status: 404, type: "text/plain", body: "not found\n" };

function json(value: object): Answer {
  return { status: 200, type: JSON_TYPE, body: JSON.stringify(value) };
}

function send(response: ServerResponse, answer: Answer, options: DemoOptions): void {
  const doors = [...options.apis, ...options.wsss].join(" ");
  response.writeHead(answer.status, {
    "content-type": answer.type,
    "cache-control": "no-store",
    "content-security-policy": `default-src 'self'; img-src 'self' data:; connect-src 'self' ${doors}`,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    ...(answer.status === 307 ? { location: PATH } : {}),
  });
  response.end(answer.body);
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > BODY_BYTES_MAX) throw new Error("the request is too long");
  }
  return text;
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
}
