/** What happened to a socket: `data` of a message, `code` and `reason` of its end. */
export interface SocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** The part of the WebSocket of browsers that is used here; the package `ws` has it too. */
export interface LiveSocket {
  addEventListener(
    type: "open" | "message" | "close" | "error",
    listener: (event: SocketEvent) => void,
  ): void;
  send(text: string): void;
  close(): void;
}

export const SUBPROTOCOL = "cabildo.v1.json";

export type OpenSocket = (url: string, subprotocol: string) => LiveSocket;
