import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { CancelSignal } from "../base/index.js";
import type { Caller } from "../domain/index.js";
import type { AuditRecorder, ShardPosition } from "../shards/index.js";

/** A call as it came in, whatever the protocol. */
export interface GatewayCall {
  readonly method: DescMethod;
  readonly request: Message;
  /**
   * Bearer token without the scheme, or whom this door has authenticated by one before, whose session is looked at again;
   * undefined if there was none.
   */
  readonly token: string | Authenticated | undefined;
  /** Absolute, by the gateway's monotonic clock. */
  readonly deadlineMs: number;
  readonly signal: CancelSignal;
  /** How old what a call reads may be, if it changes nothing; 0 or undefined: as of now. */
  readonly maxStalenessMs?: number;
  /** Address of the client, for limits and the audit. */
  readonly remoteAddress: string;
  readonly traceparent?: string;
}

/**
 * The public API, once. Order: authentication, authorisation, rate limit, validation, work. Every failure is a ClusterError.
 */
export interface Gateway {
  unary(call: GatewayCall): Promise<Message>;
  stream(call: GatewayCall): AsyncIterable<Message>;
  /** Verifies an access token: who it is, and when it ends to be true. */
  authenticate(token: string): Promise<Authenticated>;
  /**
   * Whether a caller may hear a channel such as `calendars/ana`, by a state not older than `after`: not-found if it may not or
   * there is none.
   */
  authorizeChannel(
    caller: Caller,
    channel: string,
    after?: readonly ShardPosition[],
  ): Promise<ChannelGrant>;
  /** Those that a user wants to hear on every device. */
  chosenChannels(caller: Caller): Promise<ChosenChannels>;
  /** Whom a login would make of a user now: to tell what the user may. Fails where there would be none. */
  callerOf(user: string): Promise<Caller>;
  /** For what a door does at an operator's word. */
  readonly audit: Pick<AuditRecorder, "record" | "refused">;
  readonly positions: Positions;
}

/** What a user chose; `revision` is greater where the choice is newer. */
export interface ChosenChannels {
  readonly channels: readonly string[];
  readonly revision: number;
}

/** The right to hear a channel. */
export interface ChannelGrant {
  /** Sequence, in the shard of the channel, with which it began; 0 for a right that there always was. */
  readonly since: number;
  /** Of those who read a calendar and do not own it. */
  readonly reader?: ReaderGrant;
}

/** The right to hear of a calendar what its readers see. */
export interface ReaderGrant {
  /** All of each event after all: who leads the group whose calendar it is. */
  readonly seesAll: boolean;
  /** Where the feed says that it may have changed: what is named there. */
  readonly through: readonly string[];
  /** Not only as one of the calendar's readers. */
  readonly asMember: boolean;
  /** Sequence from which on readers see what they do, for what the owner says of all events; 0: always. */
  readonly seenSince: number;
  /** The state that says so: the sequence, in the calendar's shard, up to which it was seen. */
  readonly asOf: number;
}

export interface Authenticated {
  readonly caller: Caller & { readonly kind: "user" };
  readonly expireTimeMs: number;
}

/** Authenticated, opaque places in the feeds of one or several shards (for clients: one string). */
export interface Positions {
  encode(positions: readonly ShardPosition[]): string;
  /** Refuses with invalid-argument what this cluster did not make. */
  decode(text: string): readonly ShardPosition[];
}
