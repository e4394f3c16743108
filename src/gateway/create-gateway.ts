import type { Message } from "@bufbuild/protobuf";
import { randomBytes } from "node:crypto";
import { Passwords } from "../auth/index.js";
import type { AccessTokens } from "../auth/index.js";
import { ClusterError } from "../base/index.js";
import type { Caller } from "../domain/index.js";
import { decide, calendarOwner } from "../policy/index.js";
import type { Facts } from "../policy/index.js";
import type { ShardClient } from "../shards/index.js";
import { refuseClosed, requireAllowed, ruleOf } from "./authorization.js";
import type { GatewayClock } from "./clock.js";
import { obtainKeys, openKeyring } from "./cluster-keys.js";
import type { Keyring } from "./cluster-keys.js";
import { notFound, refused } from "./faults.js";
import { methodName } from "./handlers.js";
import type { Call, Handler, MethodName } from "./handlers.js";
import { createIds } from "./ids.js";
import type { Ids, RandomBytes } from "./ids.js";
import { findChannel } from "./names.js";
import { createPositions } from "./positions.js";
import { agendaHandlers } from "./services/agenda.js";
import { notificationHandlers } from "./services/notifications.js";
import { authHandlers } from "./services/auth.js";
import { calendarHandlers } from "./services/calendars.js";
import type { ServiceContext } from "./services/context.js";
import { eventHandlers } from "./services/events.js";
import { findMembership, groupHandlers } from "./services/groups.js";
import { syncHandlers } from "./services/sync.js";
import { userHandlers } from "./services/users.js";
import { RATE_LIMITS, RateLimiter, type RateLimits } from "./rate-limits.js";
import { Sessions } from "./sessions.js";
import { ShardCalls } from "./shard-calls.js";
import type { Authenticated, ChannelGrant, Gateway, GatewayCall, Positions } from "./types.js";
import { requireValid } from "./validation.js";

export interface GatewayOptions {
  readonly shards: ShardClient;
  readonly clusterId: string;
  readonly clock: GatewayClock;
  /** SHA-256 in hex of the credential that makes the first administrator; empty if there is none. */
  readonly bootstrapHash?: string;
  /** From node:crypto if left out. */
  readonly randomBytes?: RandomBytes;
  readonly passwords?: Passwords;
  /** What is left out has its default. */
  readonly rateLimits?: Partial<RateLimits>;
  /** Hears why the keys of the cluster could not be had yet; they are asked for again. */
  readonly onTrouble?: (cause: unknown) => void;
}

export interface RunningGateway extends Gateway {
  /** Resolves once the keys of the cluster are known; rejects only if closed before. */
  ready(): Promise<void>;
  isReady(): boolean;
  /** What others verify access tokens with (RFC 7517). */
  jwks(): AccessTokens["jwks"];
  /** Stops asking for keys. Idempotent. */
  close(): void;
}

/** For what a door asks outside of a call. */
const ASK_MS = 5_000;
const NEVER = new AbortController().signal;
const ANONYMOUS: Caller = { kind: "anonymous" };

export function createGateway(options: GatewayOptions): RunningGateway {
  return new AgendaGateway(options);
}

class AgendaGateway implements RunningGateway {
  readonly positions: Positions;
  readonly #options: GatewayOptions;
  readonly #ids: Ids;
  readonly #sessions: Sessions;
  readonly #rates: RateLimiter;
  readonly #handlers: ReadonlyMap<MethodName, Handler>;
  readonly #closing = new AbortController();
  readonly #opening: Promise<void>;
  #keyring: Keyring | undefined;

  constructor(options: GatewayOptions) {
    const { clock } = options;
    this.#options = options;
    this.#ids = createIds(() => clock.wallMs(), options.randomBytes ?? randomBytes);
    this.#rates = new RateLimiter({ ...RATE_LIMITS, ...options.rateLimits }, clock);
    this.#sessions = new Sessions(clock, (timeoutMs) => this.#asking(timeoutMs));
    this.positions = createPositions(() => this.#requireKeys().positions);
    this.#handlers = createHandlers({
      clock,
      ids: this.#ids,
      passwords: options.passwords ?? new Passwords(),
      sessions: this.#sessions,
      positions: this.positions,
      bootstrapHash: options.bootstrapHash ?? "",
      accessTokens: () => this.#requireKeys().accessTokens,
      positionTokens: () => this.#requireKeys().positions,
      encode: (position) => this.positions.encode([position]),
    });
    this.#opening = this.#open();
    // Whoever wants to know asks `ready`.
    this.#opening.catch(() => undefined);
  }

  async unary(call: GatewayCall): Promise<Message> {
    const { handler, admitted } = await this.#admit(call);
    if (handler.kind === "unary") return await handler.run(admitted, call.request);
    throw new ClusterError("internal", `${handler.method} answers with a stream`);
  }

  async *stream(call: GatewayCall): AsyncIterable<Message> {
    const { handler, admitted } = await this.#admit(call);
    if (handler.kind === "stream") yield* handler.run(admitted, call.request);
    else throw new ClusterError("internal", `${handler.method} answers with one message`);
  }

  async authenticate(token: string): Promise<Authenticated> {
    const claims = await this.#requireKeys().accessTokens.verify(token);
    const { user, sessionId, roles, expireTimeMs } = claims;
    await this.#requireSession(user, sessionId);
    return { caller: { kind: "user", user, sessionId, roles }, expireTimeMs };
  }

  async authorizeChannel(caller: Caller, channel: string): Promise<ChannelGrant> {
    const known = await this.#channelFacts(caller, channel);
    const allowed =
      known !== undefined && decide(caller, "channel.watch", known.facts).kind === "allow";
    if (!allowed) throw notFound(channel);
    return { since: known.since };
  }

  ready(): Promise<void> {
    return this.#opening;
  }

  isReady(): boolean {
    return this.#keyring !== undefined;
  }

  jwks(): AccessTokens["jwks"] {
    return this.#requireKeys().accessTokens.jwks;
  }

  close(): void {
    this.#closing.abort();
  }

  /** In this order: who it is, whether it may, whether it asks too often, whether the request makes sense. */
  async #admit(call: GatewayCall): Promise<{ handler: Handler; admitted: Call }> {
    const { method, request, signal } = call;
    const rule = ruleOf(method);
    if (rule.kind === "closed") throw refuseClosed(rule);
    const who = rule.kind === "public" ? undefined : await this.#identify(call);
    const handler = this.#handlers.get(methodName(method));
    if (handler === undefined)
      throw refused("unimplemented", `${methodName(method)}: no such work`);
    const caller = who?.caller ?? ANONYMOUS;
    requireAllowed(caller, method, rule.action);
    this.#rates.require(caller, call.remoteAddress);
    requireValid(method, request);
    const admitted = {
      caller,
      signal,
      shards: this.#calls(call.deadlineMs, signal, call.traceparent),
      expireTimeMs: who?.expireTimeMs ?? Infinity,
      recheck: async () => {
        if (who !== undefined) await this.#requireSession(who.caller.user, who.caller.sessionId);
      },
    };
    return { handler, admitted };
  }

  async #identify({ token }: GatewayCall): Promise<Authenticated> {
    if (typeof token !== "object") return await this.authenticate(requireToken(token));
    if (token.expireTimeMs <= this.#options.clock.wallMs()) {
      throw refused("unauthenticated", "the access token has expired: refresh it");
    }
    await this.#requireSession(token.caller.user, token.caller.sessionId);
    return token;
  }

  async #requireSession(user: string, session: string): Promise<void> {
    if (await this.#sessions.isAlive(user, session)) return;
    throw refused("unauthenticated", "the session has ended: log in again");
  }

  async #channelFacts(
    caller: Caller,
    channel: string,
  ): Promise<(ChannelGrant & { readonly facts: Facts }) | undefined> {
    const found = findChannel(channel);
    switch (found?.kind) {
      case "calendar":
        return { since: 0, facts: { kind: "calendar", owner: calendarOwner(found.id) } };
      case "user":
        return { since: 0, facts: { kind: "user", user: found.id } };
      case "cluster":
        return { since: 0, facts: { kind: "none" } };
      case "group": {
        const membership = await findMembership({ caller, shards: this.#asking(ASK_MS) }, found.id);
        return { since: membership?.joinRevision ?? 0, facts: { kind: "group", membership } };
      }
      default:
        return undefined;
    }
  }

  async #open(): Promise<void> {
    const { clusterId, clock, onTrouble } = this.#options;
    const keys = await obtainKeys(
      () => this.#asking(ASK_MS),
      this.#closing.signal,
      onTrouble ?? (() => undefined),
    );
    this.#keyring = await openKeyring(keys, {
      clusterId,
      wallMs: () => clock.wallMs(),
      newId: () => this.#ids.uuid(),
    });
  }

  #requireKeys(): Keyring {
    if (this.#keyring !== undefined) return this.#keyring;
    throw new ClusterError("unreachable", "the cluster is starting: try again", {
      retryAfterMs: 500,
      outcome: "not_applied",
    });
  }

  #asking(timeoutMs: number): ShardCalls {
    return this.#calls(this.#options.clock.monotonicMs() + timeoutMs, NEVER, undefined);
  }

  #calls(deadlineMs: number, signal: AbortSignal, traceparent: string | undefined): ShardCalls {
    const { shards, clock } = this.#options;
    return new ShardCalls({ shards, clock, ids: this.#ids, deadlineMs, signal, traceparent });
  }
}

function createHandlers(context: ServiceContext): ReadonlyMap<MethodName, Handler> {
  const handlers = [
    ...authHandlers(context),
    ...userHandlers(context),
    ...groupHandlers(context),
    ...calendarHandlers(context),
    ...eventHandlers(context),
    ...syncHandlers(context),
    ...agendaHandlers(context),
    ...notificationHandlers(context),
  ];
  return new Map(handlers.map((handler) => [handler.method, handler]));
}

function requireToken(token: string | undefined): string {
  if (token !== undefined && token !== "") return token;
  throw refused("unauthenticated", "send an access token, as `authorization: Bearer <token>`");
}
