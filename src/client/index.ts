/**
 * Cabildo for programs: the API, typed from its contracts, and the live channels, with one login for both. This entry
 * is for Node, where a cluster's own authority can be given; that of browsers is beside it, and the package
 * `cabildo/client` is whichever fits.
 *
 * Promises of the live channels: what was subscribed to comes in order per shard, each change once, across lost
 * connections and servers; where something can no longer be had, the subscription ends saying so. A list's or a write's
 * position joins exactly.
 */
import { createConnectTransport } from "@connectrpc/connect-node";
import { Cabildo } from "./cabildo.js";
import type { CabildoOptions } from "./cabildo.js";
import type { OpenSocket } from "./live-socket.js";

export interface NodeCabildoOptions extends CabildoOptions {
  /** PEM text of the authority that signed the certificates of the cluster; those that Node trusts by default. */
  readonly ca?: string;
}

const ws = await import("ws").catch(() => undefined);

export function createCabildo({ ca, ...options }: NodeCabildoOptions): Cabildo {
  return new Cabildo(options, {
    createTransport: (call) =>
      createConnectTransport({
        ...call,
        httpVersion: "1.1",
        useBinaryFormat: true,
        nodeOptions: ca === undefined ? {} : { ca },
      }),
    openSocket: createOpenSocket(ca),
    watchNetwork: () => () => undefined,
  });
}

/** Node's own WebSocket, from 22 on, takes no authority but those of NODE_EXTRA_CA_CERTS. */
export function createOpenSocket(ca: string | undefined): OpenSocket {
  return (url, subprotocol) => {
    if (ws !== undefined) return new ws.WebSocket(url, subprotocol, ca === undefined ? {} : { ca });
    if (typeof WebSocket === "undefined") {
      throw new Error(
        "this Node has no WebSocket: install the package ws, or use Node 22 or later",
      );
    }
    return new WebSocket(url, subprotocol);
  };
}

/** One socket to one server: for tools that ask it about itself. */
export { LiveConnection } from "./live-connection.js";
export * from "./surface.js";
