import { lookup } from "node:dns/promises";
import { createServer as createHttpServer } from "node:http";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { createServer as createHttpsServer, Server as HttpsServer } from "node:https";
import { BlockList } from "node:net";
import type { Registry } from "prom-client";
import type { Health } from "./health.js";

export interface MetricsServerOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** PEM texts; in clear, and then on a loopback address alone, if there are none. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly registry: Registry;
  readonly health: Health;
}

export interface MetricsServer {
  /** Base address, such as `http://127.0.0.1:7493`. */
  readonly url: string;
  /** Shows another certificate from now on; does nothing where it serves in clear. */
  renewTls(tls: { readonly cert: string; readonly key: string }): void;
  close(): Promise<void>;
}

const TLS_VERSION_MIN = "TLSv1.2";
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/**
 * Serves /metrics, /livez and /readyz. Refuses to serve them in clear to other machines: they tell who uses the cluster
 * and how much.
 */
export async function openMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { address, family } = await lookup(options.host);
  if (options.tls === undefined && !LOOPBACK.check(address, family === 6 ? "ipv6" : "ipv4")) {
    throw new Error(
      `metrics are not served in clear on ${options.host}: give a certificate, or use 127.0.0.1`,
    );
  }
  const listener: RequestListener = (request, response) => {
    answer(options, request, response).catch((cause: unknown) => {
      respond(response, 500, cause instanceof Error ? cause.message : String(cause));
    });
  };
  const server =
    options.tls === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ ...options.tls, minVersion: TLS_VERSION_MIN }, listener);
  const port = await listen(server, address, options.port);
  const scheme = options.tls === undefined ? "http" : "https";
  return {
    url: `${scheme}://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`,
    renewTls: (tls) => {
      if (server instanceof HttpsServer) {
        server.setSecureContext({ ...tls, minVersion: TLS_VERSION_MIN });
      }
    },
    close: () => close(server),
  };
}

async function answer(
  { registry, health }: MetricsServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    respond(response, 405, "only GET is answered here\n");
    return;
  }
  switch (request.url?.split("?", 1)[0]) {
    case "/metrics":
      respond(response, 200, await registry.metrics(), registry.contentType);
      return;
    case "/livez":
      respond(response, 200, "ok\n");
      return;
    case "/readyz": {
      const report = await health.report();
      const text = `${JSON.stringify(report)}\n`;
      respond(response, report.ready ? 200 : 503, text, "application/json");
      return;
    }
    default:
      respond(response, 404, "here are /metrics, /livez and /readyz\n");
  }
}

function respond(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" });
  response.end(text);
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  return bound !== null && typeof bound === "object" ? bound.port : port;
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
