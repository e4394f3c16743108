import type { Message } from "@bufbuild/protobuf";
import { ClusterError } from "../../../src/base/index.js";
import type { Caller } from "../../../src/domain/index.js";
import type {
  Authenticated,
  ChannelGrant,
  ChosenChannels,
  Gateway,
  GatewayCall,
  Positions,
  ReaderGrant,
} from "../../../src/gateway/types.js";
import type { Refusal } from "../../../src/shards/index.js";
import type { ShardPosition } from "../../../src/shards/types.js";

/** Tokens are `token-<user>`, valid until `expireTimeMs`. A channel is refused if it is in `closedTo`. */
export class FakeGateway implements Gateway {
  expireTimeMs = Number.MAX_SAFE_INTEGER / 1_000;
  readonly closedChannels = new Set<string>();
  /** Set to hold every authentication. */
  hold: Promise<void> = Promise.resolve();
  failWith: ClusterError | undefined;
  /** Set to hold every question for a channel. */
  holdChannels: Promise<void> = Promise.resolve();
  /** Sequences with which rights began. */
  readonly grantedSince = new Map<string, number>();
  readonly positions: Positions = {
    encode: (positions) => `p.${Buffer.from(JSON.stringify(positions)).toString("base64url")}`,
    decode: (text): readonly ShardPosition[] => {
      if (!text.startsWith("p.")) throw new ClusterError("invalid-argument", "no such position");
      const value: unknown = JSON.parse(Buffer.from(text.slice(2), "base64url").toString());
      return value as readonly ShardPosition[];
    },
  };

  /** How calls are answered; by nobody unless a test says. */
  answer: (call: GatewayCall) => Promise<Message> = () => Promise.reject(new Error("not here"));

  unary(call: GatewayCall): Promise<Message> {
    return this.answer(call);
  }

  stream(): AsyncIterable<never> {
    throw new Error("not here");
  }

  async authenticate(token: string): Promise<Authenticated> {
    await this.hold;
    if (this.failWith !== undefined) throw this.failWith;
    const user = /^token-([a-z]+)$/.exec(token)?.[1];
    if (user === undefined) throw new ClusterError("unauthenticated", "log in again");
    const roles = this.operators.has(user) ? (["operator"] as const) : [];
    return {
      caller: { kind: "user", user, sessionId: `s-${user}`, roles },
      expireTimeMs: this.expireTimeMs,
    };
  }

  readonly operators = new Set<string>();
  /** What the audit trail was told. */
  readonly trail: Refusal[] = [];
  readonly audit = {
    record: (record: Refusal): Promise<void> => {
      this.trail.push(record);
      return Promise.resolve();
    },
    refused: (record: Refusal): void => {
      this.trail.push(record);
    },
  };

  async callerOf(user: string): Promise<Caller> {
    if (user === "nobody") throw new ClusterError("not-found", "users/nobody was not found");
    return (await this.authenticate(`token-${user}`)).caller;
  }

  /** What users chose; an older choice than the last may be put here. */
  readonly chosen = new Map<string, ChosenChannels>();

  async chosenChannels(caller: Caller): Promise<ChosenChannels> {
    await this.holdChannels;
    const user = caller.kind === "user" ? caller.user : "";
    return this.chosen.get(user) ?? { channels: [], revision: 0 };
  }

  /** Who hears which channels as a reader, such as `ben calendars/ana`. */
  readonly readers = new Map<string, ReaderGrant>();

  async authorizeChannel(caller: Caller, channel: string): Promise<ChannelGrant> {
    await this.holdChannels;
    const user = caller.kind === "user" ? caller.user : "";
    const reader = this.readers.get(`${user} ${channel}`);
    if (this.closedChannels.has(channel) || this.closedChannels.has(`${user} ${channel}`)) {
      throw new ClusterError("not-found", "there is no such channel");
    }
    const since = this.grantedSince.get(channel) ?? 0;
    return reader === undefined ? { since } : { since, reader };
  }
}
