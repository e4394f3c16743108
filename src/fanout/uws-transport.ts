import { createRequire } from "node:module";
import type {
  AppOptions,
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  WebSocket,
  us_listen_socket,
  us_socket_context_t,
} from "uWebSockets.js";
import { ClusterError, assert } from "../base/index.js";
import { withPemFiles } from "./pem.js";
import { FOREIGN_ORIGIN, PERMANENT_TOPIC, TOO_MANY } from "./transport.js";
import type {
  HttpAnswer,
  SocketListener,
  Transport,
  TransportOptions,
  TransportSocket,
} from "./transport.js";

/** What we use of the package: it has no types for its module object. */
interface Uws {
  SSLApp(options: AppOptions): App;
  us_listen_socket_close(socket: us_listen_socket): void;
  us_socket_local_port(socket: us_listen_socket): number;
}

/** The build has `close`, its types do not. */
type App = TemplatedApp & { close(): void };

interface Opened {
  readonly app: App;
  readonly listening: us_listen_socket;
}

interface UserData {
  socket: UwsSocket | undefined;
}

/** Of seconds; the library takes 8 to 960 and stops the process at anything else. */
const IDLE_SECONDS_MIN = 8;
const IDLE_SECONDS_MAX = 960;
/** A goodbye behind a backlog has so long to be read before everything is ended. */
const LINGER_MS = 2_000;
const FLUSH_MS = 50;

/** A turn of the loop is quiet if it is over sooner; after so many that are not, any is taken. */
const QUIET_TURN_MS = 0.1;
const TURNS_MAX = 2_000;

const STATUS_LINES: Record<HttpAnswer["status"], string> = {
  200: "200 OK",
  404: "404 Not Found",
  426: "426 Upgrade Required",
  503: "503 Service Unavailable",
};

/**
 * uWebSockets.js 20.30, native build only. It forces these rules (each was measured):
 * with a finite `maxBackpressure` a publish is dropped without a sign and a close frame is lost, hence 0 and a watermark of
 * the caller's; leaving one's last topic loses what was published in the same turn, hence a permanent topic; a response
 * to an upgrade after an await may close the connection, hence no await there; a socket throws once closed;
 * `end` says at once that it is closed, and cuts off after 16 s who does not take it.
 */
export async function openUwsTransport(options: TransportOptions): Promise<Transport> {
  const uws: unknown = createRequire(import.meta.url)("uWebSockets.js");
  assert(isNative(uws), "uWebSockets.js has no native build here: ask probeNativeTransport first");
  let backlogged = false;
  const open = async (tls: TransportOptions["tls"], port: number): Promise<Opened> => {
    const app = withPemFiles(tls, (files) =>
      uws.SSLApp({ cert_file_name: files.cert, key_file_name: files.key }),
    );
    serve(app, options, () => {
      backlogged = true;
    });
    return { app, listening: await listen(app, options.host, port) };
  };
  let current = await open(options.tls, options.port);
  const port = uws.us_socket_local_port(current.listening);
  const apps = [current.app];
  let isListening = true;
  const stopListening = (): void => {
    if (!isListening) return;
    isListening = false;
    uws.us_listen_socket_close(current.listening);
  };
  return {
    kind: "uws",
    port,
    publish: (topic, text) => {
      for (const app of apps) app.publish(topic, text);
    },
    // The build cannot change the certificate of an app: a second one shares the port, and the first keeps its sockets.
    renewTls: async (tls) => {
      const next = await open(tls, port);
      apps.push(next.app);
      await quietTurn();
      if (isListening) uws.us_listen_socket_close(current.listening);
      else uws.us_listen_socket_close(next.listening);
      current = next;
    },
    stopListening,
    close: async () => {
      stopListening();
      await new Promise((resolve) => setTimeout(resolve, backlogged ? LINGER_MS : FLUSH_MS));
      for (const app of apps) app.close();
    },
  };
}

/**
 * Connections that wait for a listener when it closes are reset, and those in the middle of the handshake, unless Linux is told
 * to hand them to the other one (net.ipv4.tcp_migrate_req). All that waits is accepted once a turn of the loop, so a listener is
 * closed right after a turn in which little else was done.
 */
async function quietTurn(): Promise<void> {
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const beganMs = performance.now();
    await new Promise(setImmediate);
    if (turn > 0 && performance.now() - beganMs < QUIET_TURN_MS) return;
  }
}

/** What is served over each app, alike. */
function serve(app: App, options: TransportOptions, onBacklog: () => void): void {
  app.ws<UserData>("/*", {
    maxPayloadLength: options.messageBytesMax,
    maxBackpressure: 0,
    idleTimeout: idleSeconds(options.idleMs),
    sendPingsAutomatically: false,
    upgrade: (res, req, context) => {
      upgrade(options, res, req, context);
    },
    open: (ws) => {
      ws.subscribe(PERMANENT_TOPIC);
      const socket = new UwsSocket(ws, onBacklog);
      ws.getUserData().socket = socket;
      socket.listener = options.open(socket);
    },
    message: (ws, message, isBinary) => {
      // Copied at once: the buffer is gone after this call.
      const text = isBinary ? undefined : Buffer.from(message).toString();
      ws.getUserData().socket?.listener?.message(text);
    },
    drain: (ws) => {
      ws.getUserData().socket?.listener?.drained();
    },
    ping: (ws) => {
      ws.getUserData().socket?.listener?.ping();
    },
    pong: (ws) => {
      ws.getUserData().socket?.listener?.pong();
    },
    close: (ws, code) => {
      ws.getUserData().socket?.ended(code);
    },
  });
  app.any("/*", (res, req) => {
    const { status, body } = options.http(req.getMethod(), req.getUrl());
    res.writeStatus(STATUS_LINES[status]);
    res.writeHeader("content-type", "text/plain; charset=utf-8");
    if (status === 426) res.writeHeader("upgrade", "websocket");
    // Closed, because who reads no answer could ask for more without end: the library keeps all that is not taken.
    res.end(body, true);
  });
}

function isNative(uws: unknown): uws is Uws {
  return (
    typeof uws === "object" &&
    uws !== null &&
    "SSLApp" in uws &&
    Function.prototype.toString.call(uws.SSLApp).includes("[native code]")
  );
}

function idleSeconds(idleMs: number): number {
  return Math.min(IDLE_SECONDS_MAX, Math.max(IDLE_SECONDS_MIN, Math.ceil(idleMs / 1_000)));
}

function upgrade(
  options: TransportOptions,
  res: HttpResponse,
  req: HttpRequest,
  context: us_socket_context_t,
): void {
  const { subprotocol } = options;
  const origin = req.getHeader("origin");
  if (origin !== "" && !options.allowsOrigin(origin, req.getHeader("host"))) {
    res.writeStatus("403 Forbidden").end(FOREIGN_ORIGIN);
    return;
  }
  const offered = req.getHeader("sec-websocket-protocol");
  const accepted = offered === "" ? "" : subprotocol;
  if (offered !== "" && !offered.split(",").some((name) => name.trim() === subprotocol)) {
    res.writeStatus("400 Bad Request").end(`offer the subprotocol ${subprotocol}\n`);
    return;
  }
  const waitSeconds = options.waitSeconds();
  if (waitSeconds > 0) {
    res.writeStatus("503 Service Unavailable").writeHeader("retry-after", String(waitSeconds));
    res.end(TOO_MANY, true);
    return;
  }
  const data: UserData = { socket: undefined };
  res.upgrade(
    data,
    req.getHeader("sec-websocket-key"),
    // Never what was offered: a client may have put a token there.
    accepted,
    req.getHeader("sec-websocket-extensions"),
    context,
  );
}

async function listen(app: App, host: string, port: number): Promise<us_listen_socket> {
  const socket = await new Promise<us_listen_socket | false>((resolve) => {
    app.listen(host, port, resolve);
  });
  if (socket === false) {
    throw new ClusterError(
      "failed-precondition",
      `cannot listen on ${host}:${port}: is another process there?`,
    );
  }
  return socket;
}

class UwsSocket implements TransportSocket {
  readonly remoteAddress: string;
  listener: SocketListener | undefined;
  readonly #onBacklog: () => void;
  #ws: WebSocket<UserData> | undefined;
  #codeSent: number | undefined;

  constructor(ws: WebSocket<UserData>, onBacklog: () => void) {
    this.#ws = ws;
    this.#onBacklog = onBacklog;
    this.remoteAddress = Buffer.from(ws.getRemoteAddressAsText()).toString();
  }

  send(text: string): void {
    this.#ws?.send(text);
  }

  buffered(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
  }

  subscribe(topic: string): void {
    this.#ws?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    assert(topic !== PERMANENT_TOPIC, "the permanent topic is never left");
    this.#ws?.unsubscribe(topic);
  }

  ping(): void {
    this.#ws?.ping();
  }

  close(code: number, reason: string): void {
    if (this.#ws === undefined) return;
    if (this.#ws.getBufferedAmount() > 0) this.#onBacklog();
    this.#codeSent = code;
    this.#ws.end(code, reason);
  }

  terminate(): void {
    this.#ws?.close();
  }

  ended(code: number): void {
    this.#ws = undefined;
    this.listener?.closed(this.#codeSent ?? code);
  }
}
