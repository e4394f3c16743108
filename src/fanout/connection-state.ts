import type { View } from "./live-path.js";

/** What operators see of a connection: no token, and nothing that was said on it. Field names are those of the protocol. */
export interface ConnectionState {
  /** Counted by its server since that began. */
  readonly connection: number;
  readonly user: string;
  readonly session: string;
  readonly address: string;
  readonly opened: string;
  /** Of its token. */
  readonly expires: string;
  /** Waiting for its client to take them. */
  readonly unsent_bytes: number;
  /** That wait for their answer. */
  readonly calls: number;
  readonly channels: readonly ChannelState[];
}

export interface ChannelState {
  readonly channel: string;
  readonly view: View;
  /** Sequence with which the right to it began; 0 for one that there always was. */
  readonly granted_since: string;
  /** The user chose it. */
  readonly restored?: true;
  /** None for `cluster`. */
  readonly shards: readonly LineState[];
}

/** Where a channel is in one of its shards. */
export type LineState =
  | {
      readonly shard: string;
      /** What is waited for: that the client takes what was sent, or that the right is found to hold still. */
      readonly state: "live" | "catching-up" | "waiting-for-client" | "waiting-for-right";
      /** Everything of the channel up to here was given. */
      readonly sequence: string;
      /** Changes of the shard from there to the newest that this server knows. */
      readonly behind: number;
    }
  /** The server itself does not follow it now. */
  | { readonly shard: string; readonly state: "waiting-for-shard" };
