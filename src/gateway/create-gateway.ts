import type { Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { randomBytes } from "node:crypto";
import { Passwords } from "../auth/index.js";
import type { AccessTokens } from "../auth/index.js";
import { Cancellation, ClusterError, type CancelSignal } from "../base/index.js";
import type { Caller, ClusterKeys } from "../domain/index.js";
import { AuditRecorder } from "../shards/index.js";
import type { ShardClient, ShardPosition } from "../shards/index.js";
import { grantChannel } from "./channel-rights.js";
import { refuseClosed, requireAllowed, ruleOf } from "./authorization.js";
import type { GatewayClock } from "./clock.js";
import { followKeys, KEYS_LOOK_MS, obtainKeys, openKeyring } from "./cluster-keys.js";
import type { Keyring } from "./cluster-keys.js";
import { refused } from "./faults.js";
import { methodName } from "./handlers.js";
import type { Call, Handler, MethodName } from "./handlers.js";
import { createIds } from "./ids.js";
import type { Ids, RandomBytes } from "./ids.js";
import { LoginGuard } from "./login-guard.js";
import { createPositions } from "./positions.js";
import { createHandlers } from "./services/create-handlers.js";
import { refusalRecord } from "./refusal-record.js";
import { RATE_LIMITS, RateLimiter, type RateLimits } from "./rate-limits.js";
import { Sessions } from "./sessions.js";
import { ShardCalls } from "./shard-calls.js";
import { supposedCaller } from "./supposed-caller.js";
import { asksForTrial, Trial, withoutPlaces } from "./trial.js";
import { requireValid } from "../wire/index.js";
import type {
  Authenticated,
  ChannelGrant,
  ChosenChannels,
  Gateway,
  GatewayCall,
  Positions,
} from "./types.js";

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
  /** Between two looks at the keys of the cluster. A minute if left out. */
  readonly keysLookMs?: number;
  /** Hears why the keys of the cluster could not be had yet; they are asked for again. */
  readonly onTrouble?: (cause: unknown) => void;
  /** Hears of refusals that the audit trail could not take. */
  readonly onAuditLost?: (count: number) => void;
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
const NEVER: CancelSignal = new Cancellation();
const ANONYMOUS: Caller = { kind: "anonymous" };

export function createGateway(options: GatewayOptions): RunningGateway {
  return new AgendaGateway(options);
}

class AgendaGateway implements RunningGateway {
  readonly positions: Positions;
  readonly audit: AuditRecorder;
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
    this.audit = new AuditRecorder({
      shards: options.shards,
      clock,
      newId: () => this.#ids.uuid(),
      lost: (count) => options.onAuditLost?.(count),
    });
    this.#handlers = createHandlers({
      clusterId: options.clusterId,
      clock,
      ids: this.#ids,
      passwords: options.passwords ?? new Passwords(),
      logins: new LoginGuard(clock),
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
    const told = { caller: ANONYMOUS };
    try {
      const { handler, admitted } = await this.#admit(call, told);
      if (handler.kind === "unary") {
        const answer = await handler.run(admitted, call.request);
        return admitted.shards.isTrial ? withoutPlaces(call.method.output, answer) : answer;
      }
      throw new ClusterError("internal", `${handler.method} answers with a stream`);
    } catch (error) {
      this.#tellRefusal(call, told.caller, error);
      throw error;
    }
  }

  async *stream(call: GatewayCall): AsyncIterable<Message> {
    const told = { caller: ANONYMOUS };
    try {
      const { handler, admitted } = await this.#admit(call, told);
      if (handler.kind === "stream") yield* handler.run(admitted, call.request);
      else throw new ClusterError("internal", `${handler.method} answers with one message`);
    } catch (error) {
      this.#tellRefusal(call, told.caller, error);
      throw error;
    }
  }

  async authenticate(token: string): Promise<Authenticated> {
    const claims = await this.#requireKeys().accessTokens.verify(token);
    const { user, sessionId, roles, expireTimeMs } = claims;
    await this.#requireSession(user, sessionId);
    return { caller: { kind: "user", user, sessionId, roles }, expireTimeMs };
  }

  authorizeChannel(
    caller: Caller,
    channel: string,
    after: readonly ShardPosition[] = [],
  ): Promise<ChannelGrant> {
    return this.#ask((calls) => grantChannel(calls, caller, channel, after));
  }

  async chosenChannels(caller: Caller): Promise<ChosenChannels> {
    if (caller.kind !== "user") return { channels: [], revision: 0 };
    const { user } = caller;
    const question = { kind: "get-subscriptions", user } as const;
    return await this.#ask(async (calls) => {
      const { answer } = await calls.read(calls.of("users", user), caller, question, []);
      return answer.subscriptions;
    });
  }

  callerOf(user: string): Promise<Caller> {
    return this.#ask((calls) => supposedCaller(calls, user));
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
    this.audit.close();
  }

  /** In this order: who it is, whether it may, whether it asks too often, whether the request makes sense. */
  async #admit(
    call: GatewayCall,
    told: { caller: Caller },
  ): Promise<{ handler: Handler; admitted: Call }> {
    const { method, request, signal } = call;
    const rule = ruleOf(method);
    if (rule.kind === "closed") throw refuseClosed(rule);
    const who = rule.kind === "public" ? undefined : await this.#identify(call);
    const handler = this.#handlers.get(methodName(method));
    if (handler === undefined)
      throw refused("unimplemented", `${methodName(method)}: no such work`);
    const caller = who?.caller ?? ANONYMOUS;
    told.caller = caller;
    requireAllowed(caller, method, rule.action);
    this.#rates.require(caller, call.remoteAddress);
    requireValid(method.input, request);
    const admitted = {
      caller,
      signal,
      remoteAddress: call.remoteAddress,
      shards: this.#callsOf(call),
      expireTimeMs: who?.expireTimeMs ?? Infinity,
      authorizeChannel: (channel: string, after: readonly ShardPosition[]) =>
        this.authorizeChannel(caller, channel, after),
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

  async #open(): Promise<void> {
    const { clock, onTrouble = () => undefined } = this.#options;
    const { signal } = this.#closing;
    const calls = (): ShardCalls => this.#asking(ASK_MS);
    const keys = await obtainKeys(calls, signal, onTrouble);
    await this.#use(keys);
    void followKeys(keys, {
      calls,
      signal,
      wallMs: () => clock.wallMs(),
      lookMs: this.#options.keysLookMs ?? KEYS_LOOK_MS,
      onTrouble,
      changed: (found) => this.#use(found),
    });
  }

  async #use(keys: ClusterKeys): Promise<void> {
    const { clusterId, clock } = this.#options;
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

  /** Of a caller who set no deadline: none has passed where no answer came. */
  async #ask<T>(ask: (calls: ShardCalls) => Promise<T>): Promise<T> {
    try {
      return await ask(this.#asking(ASK_MS));
    } catch (cause) {
      if (!(cause instanceof ClusterError) || cause.code !== "deadline-exceeded") throw cause;
      const details = { retryAfterMs: 1_000 };
      throw new ClusterError("unreachable", "a shard did not answer: try again", details, cause);
    }
  }

  #asking(timeoutMs: number): ShardCalls {
    const { shards, clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    return new ShardCalls({ shards, clock, ids: this.#ids, deadlineMs, signal: NEVER });
  }

  #callsOf(call: GatewayCall): ShardCalls {
    const { method, request, deadlineMs, signal, traceparent, remoteAddress } = call;
    const { shards, clock } = this.#options;
    const isRead = method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
    return new ShardCalls({
      shards,
      clock,
      ids: this.#ids,
      deadlineMs,
      signal,
      traceparent,
      origin: remoteAddress,
      maxStalenessMs: isRead ? (call.maxStalenessMs ?? 0) : 0,
      trial: asksForTrial(request) ? new Trial() : undefined,
    });
  }

  #tellRefusal(call: GatewayCall, caller: Caller, error: unknown): void {
    const record = refusalRecord(call, ruleOf(call.method), caller, error);
    if (record !== undefined) this.audit.refused(record);
  }
}

function requireToken(token: string | undefined): string {
  if (token !== undefined && token !== "") return token;
  throw refused("unauthenticated", "send an access token, as `authorization: Bearer <token>`");
}
