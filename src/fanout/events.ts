import type { CloseCause } from "./close-codes.js";
import type { TransportKind } from "./transport.js";

/** How a subscription with a position began. */
export type ResumeOutcome = "from-memory" | "from-feed" | "too-old" | "epoch-changed" | "refused";

/** What a fan-out tells whoever counts. Emitted synchronously: listeners must be quick and must not throw. */
export type FanoutEvent =
  | { readonly kind: "listening"; readonly transport: TransportKind }
  | { readonly kind: "connection-opened" }
  /** `cause` is undefined where the client or the network ended it. */
  | {
      readonly kind: "connection-closed";
      readonly code: number;
      readonly cause: CloseCause | undefined;
    }
  | { readonly kind: "connected"; readonly ms: number }
  | { readonly kind: "refreshed" }
  | { readonly kind: "subscribed"; readonly channels: number }
  | { readonly kind: "unsubscribed"; readonly channels: number }
  | { readonly kind: "resumed"; readonly outcome: ResumeOutcome }
  /**
   * Changes given out. On the live path one text of `bytes` goes to `deliveries` sockets; a replay gives one socket `deliveries`
   * changes, of `bytes` in all.
   */
  | {
      readonly kind: "pushed";
      readonly path: "topic" | "socket" | "replay";
      readonly deliveries: number;
      readonly bytes: number;
    }
  | { readonly kind: "checkpoint"; readonly bytes: number }
  /** A connection left the live path because it does not keep up, or is back on it. */
  | { readonly kind: "stalled"; readonly unsentBytes: number }
  | { readonly kind: "caught-up"; readonly ms: number }
  /** A batch of a shard's feed was given out; `ageMs` counts from the commit of its newest change. */
  | {
      readonly kind: "feed";
      readonly shard: number;
      readonly sequence: number;
      readonly changes: number;
      readonly ageMs: number;
    }
  /** A right ended with a committed change; `ageMs` counts from there to the end of what it allowed here. */
  | {
      readonly kind: "right-ended";
      readonly shard: number;
      readonly connections: number;
      readonly ageMs: number;
    }
  | { readonly kind: "feed-failed"; readonly shard: number; readonly code: string }
  | { readonly kind: "command"; readonly command: string; readonly code: string };

export type FanoutObserver = (event: FanoutEvent) => void;
