/** Cabildo for pages: with the fetch and the WebSocket of the browser. */
import { createConnectTransport } from "@connectrpc/connect-web";
import { Cabildo } from "./cabildo.js";
import type { CabildoOptions, Platform } from "./cabildo.js";
import type { Live } from "./live.js";

const BROWSER: Platform = {
  createTransport: (options) => createConnectTransport({ ...options, useBinaryFormat: true }),
  openSocket: (url, subprotocol) => new WebSocket(url, subprotocol),
  watchNetwork,
};

export function createCabildo(options: CabildoOptions): Cabildo {
  return new Cabildo(options, BROWSER);
}

/** A page knows when the network comes and goes, and when somebody looks at it again. */
function watchNetwork(live: Live): () => void {
  const page: unknown = globalThis;
  const document: unknown = Reflect.get(globalThis, "document");
  const stop = new AbortController();
  const { signal } = stop;
  if (page instanceof EventTarget) {
    page.addEventListener("online", () => live.wakeUp(), { signal });
    page.addEventListener("offline", () => live.goOffline(), { signal });
  }
  if (document instanceof EventTarget) {
    const looked = (): void => {
      if (Reflect.get(document, "visibilityState") === "visible") live.wakeUp();
    };
    document.addEventListener("visibilitychange", looked, { signal });
  }
  return () => stop.abort();
}

export * from "./surface.js";
