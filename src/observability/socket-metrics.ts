import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** What the live tier tells as it happens. */
export interface SocketMetrics {
  connected(): void;
  disconnected(reason: string): void;
  subscribed(): void;
  unsubscribed(count: number): void;
  messagesSent(count: number): void;
}

export function createSocketMetrics(registry: Registry): SocketMetrics {
  const registers = [registry];
  const connections = new Gauge({
    name: "cabildo_ws_connections",
    help: "Open sockets.",
    registers,
  });
  const subscriptions = new Gauge({
    name: "cabildo_ws_subscriptions",
    help: "Channels that open sockets are subscribed to.",
    registers,
  });
  const sent = new Counter({
    name: "cabildo_ws_messages_sent_total",
    help: "Messages handed to sockets.",
    registers,
  });
  const closed = new Counter({
    name: "cabildo_ws_closed_total",
    help: "Sockets that were closed, by reason.",
    labelNames: ["reason"],
    registers,
  });
  return {
    connected: () => connections.inc(),
    disconnected: (reason) => {
      connections.dec();
      closed.inc({ reason });
    },
    subscribed: () => subscriptions.inc(),
    unsubscribed: (count) => subscriptions.dec(count),
    messagesSent: (count) => sent.inc(count),
  };
}
