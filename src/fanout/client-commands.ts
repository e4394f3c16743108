import { ClusterError, isFault } from "../base/index.js";
import type { Authenticated, ChosenChannels } from "../gateway/index.js";
import type { ChannelRequests } from "./channel-requests.js";
import type { CloseCause } from "./close-codes.js";
import { countingRefused } from "./count-refused.js";
import type { CommandReceiver, OrderedCommand } from "./command-intake.js";
import type { CommandRates } from "./command-rates.js";
import type { RemoteCall } from "./commands.js";
import type { Limits } from "./limits.js";
import type { Asker, OperatorCommands } from "./operator-commands.js";
import { judgeRefusedConnect } from "./refused-connect.js";
import { RemoteCalls } from "./remote-calls.js";
import type { CallServices } from "./remote-calls.js";
import { errorBody, replies } from "./replies.js";
import { RestoredChannels } from "./restored-channels.js";
import type { ChoiceHost } from "./restored-channels.js";
import type { Subscriptions, SubscriptionServices } from "./subscriptions.js";

export interface CommandServices extends SubscriptionServices, CallServices {
  readonly serverName: string;
  readonly limits: Limits;
  readonly rates: CommandRates;
  /** Whether the end of this session was heard of here. */
  hasEnded(session: string): boolean;
  readonly operators: Pick<OperatorCommands, "answer">;
}

/** Who a client is, as far as it has said. */
export type Identity =
  | { readonly kind: "unsaid" }
  | { readonly kind: "checking" }
  | { readonly kind: "known"; readonly who: Authenticated };

/** What commands ask of their connection. */
export interface CommandHost extends ChoiceHost, Asker {
  disconnect(
    cause: CloseCause,
    reason: string,
    goodbye?: { readonly retryAfterMs?: number | undefined },
  ): void;
  /** Ends it now, whether or not the client hears why. */
  cutOff(cause: CloseCause, reason: string): void;
  /** Whose the connection is from now on; false where the user has as many as may be. */
  claim(user: string): boolean;
  /** Channels were left. */
  channelsLeft(): void;
}

/** What one client asks for, and the answers. */
export class ClientCommands implements CommandReceiver {
  readonly #host: CommandHost;
  readonly #services: CommandServices;
  readonly #subscriptions: Subscriptions;
  readonly #requests: ChannelRequests;
  /** Made by the first call; and by the first who asks for what was chosen. */
  #calls: RemoteCalls | undefined;
  #restored: RestoredChannels | undefined;
  readonly #openedMs: number;
  #identity: Identity = { kind: "unsaid" };
  /** Ends when it was said who the client is, or that it may not come in. */
  #connecting: Promise<void> | undefined;

  constructor(
    host: CommandHost,
    services: CommandServices,
    subscriptions: Subscriptions,
    requests: ChannelRequests,
  ) {
    this.#host = host;
    this.#services = services;
    this.#subscriptions = subscriptions;
    this.#requests = requests;
    this.#openedMs = services.clock.monotonicMs();
  }

  get identity(): Identity {
    return this.#identity;
  }

  /** Calls that wait for their answer. */
  get callsInFlight(): number {
    return this.#calls?.inFlight ?? 0;
  }

  get isClosed(): boolean {
    return this.#host.isClosed;
  }

  sharedWaitMs(): number {
    const user = this.#identity.kind === "known" ? this.#identity.who.caller.user : undefined;
    return this.#services.rates.take(user, this.#host.remoteAddress);
  }

  /** The user has chosen channels anew. */
  chosen(choice: ChosenChannels): void {
    if (this.#identity.kind === "known") this.#restored?.chosen(this.#identity.who.caller, choice);
  }

  /** Nobody hears the answers any more. */
  close(): void {
    this.#calls?.close();
  }

  ping(id: number): void {
    if (this.#identity.kind === "unsaid") this.#refuseStranger("ping", id);
    else this.#host.send(replies.ping(id));
  }

  call(call: RemoteCall): void {
    void this.#callOnceKnown(call);
  }

  run(command: OrderedCommand): Promise<void> {
    const ran = this.#answer(command);
    if (command.kind === "connect") this.#connecting ??= ran;
    return ran;
  }

  async #answer(command: OrderedCommand): Promise<void> {
    try {
      await this.#run(command);
      this.#services.observer({ kind: "command", command: command.kind, code: "OK" });
    } catch (error) {
      this.#fail(command.kind, command.id, error);
      if (command.kind === "connect") this.#refuseConnection(command.token, error);
    }
  }

  refuse(command: string, id: number, error: ClusterError): void {
    if (this.#identity.kind === "unsaid") this.#refuseStranger(command, id);
    else this.#fail(command, id, error);
  }

  cutOff(cause: "bad-request" | "rate-exceeded" | "overloaded", reason: string): void {
    this.#host.disconnect(cause, reason);
  }

  stop(reason: string): void {
    this.#host.cutOff("rate-exceeded", reason);
  }

  async #callOnceKnown(call: RemoteCall): Promise<void> {
    if (this.#identity.kind === "checking") await this.#connecting;
    if (!this.isClosed) await this.#call(call);
  }

  async #call(call: RemoteCall): Promise<void> {
    if (this.#identity.kind !== "known") {
      this.#refuseStranger(call.kind, call.id);
      return;
    }
    try {
      this.#calls ??= new RemoteCalls(this.#services, this.#host.remoteAddress);
      const response = await this.#calls.answer(this.#identity.who, call);
      this.#host.send(replies.rpc(call.id, response));
      this.#services.observer({ kind: "command", command: "rpc", code: "OK" });
    } catch (error) {
      if (!this.isClosed) this.#fail("rpc", call.id, error, factsOf(call));
    }
  }

  #fail(command: string, id: number, error: unknown, facts: object = {}): void {
    const body = errorBody(error);
    if (!(error instanceof ClusterError) || isFault(error)) {
      this.#services.logger.error({ command, ...facts, err: error }, "a command failed");
    }
    this.#services.observer({ kind: "command", command, code: body.code });
    this.#host.send(replies.error(id, body));
  }

  async #run(command: OrderedCommand): Promise<void> {
    const identity = this.#identity;
    if (command.kind === "connect") {
      if (identity.kind !== "unsaid") {
        throw new ClusterError(
          "failed-precondition",
          "connected already: refresh the token instead",
        );
      }
      await this.#connect(command.id, command.token);
      return;
    }
    if (identity.kind !== "known") {
      this.#refuseStranger(command.kind, command.id);
      return;
    }
    switch (command.kind) {
      case "subscribe":
        await this.#subscribe(command.id, identity.who, command.channels, command.since);
        return;
      case "unsubscribe": {
        const channels = this.#subscriptions.unsubscribe(command.channels);
        this.#host.send(replies.unsubscribe(command.id, channels));
        this.#services.observer({ kind: "unsubscribed", channels: channels.length });
        for (const channel of channels) this.#host.trace({ event: "unsubscribed", channel });
        this.#host.channelsLeft();
        return;
      }
      case "restore":
        this.#restored ??= new RestoredChannels(
          this.#host,
          this.#services,
          this.#subscriptions,
          this.#requests,
        );
        await this.#restored.restore(command.id, identity.who.caller, command.since);
        return;
      case "refresh":
        await this.#refresh(command.id, identity.who, command.token);
        return;
      case "inspect":
      case "may":
      case "trace": {
        const { id, kind } = command;
        const body = await this.#services.operators.answer(this.#host, identity.who, command);
        this.#host.send(replies.operator(id, kind, body));
        return;
      }
      case "ping":
        this.ping(command.id);
    }
  }

  /** To answer all that somebody says who does not say who they are would cost more than to say it. */
  #refuseStranger(command: string, id: number): void {
    const refusal = new ClusterError("unauthenticated", "connect must be the first command");
    this.#fail(command, id, refusal);
    this.#host.disconnect("bad-request", refusal.message);
  }

  async #connect(id: number, token: string): Promise<void> {
    const { gateway, limits, serverName, observer, clock } = this.#services;
    this.#identity = { kind: "checking" };
    const who = await gateway.authenticate(token);
    if (this.isClosed) return;
    const { user, sessionId } = who.caller;
    const expires = new Date(who.expireTimeMs).toISOString();
    if (this.#services.hasEnded(sessionId)) throw sessionEnded();
    if (!this.#host.claim(user)) {
      const message = "this user has too many connections: close another";
      throw new ClusterError("failed-precondition", message);
    }
    this.#identity = { kind: "known", who };
    this.#host.send(
      replies.connect(id, {
        user: `users/${user}`,
        expires,
        ping_ms: limits.pingMs,
        pong_ms: limits.pongMs,
        server: serverName,
      }),
    );
    observer({ kind: "connected", ms: clock.monotonicMs() - this.#openedMs });
    const session = `users/${user}/sessions/${sessionId}`;
    this.#host.trace({ event: "connected", session, address: this.#host.remoteAddress, expires });
  }

  #refuseConnection(token: string, error: unknown): void {
    // A second connect: the connection stands.
    if (this.#identity.kind === "known") return;
    const verdict = judgeRefusedConnect(token, error, this.#services.clock.wallMs());
    this.#host.disconnect(verdict.cause, verdict.reason, verdict);
  }

  async #subscribe(
    id: number,
    who: Authenticated,
    channels: readonly string[],
    since: readonly string[],
  ): Promise<void> {
    const { observer } = this.#services;
    const answers = await countingRefused(observer, since, () =>
      this.#requests.subscribe(who.caller, channels, since),
    );
    this.#host.send(replies.subscribe(id, answers));
    observer({
      kind: "subscribed",
      channels: answers.filter((answer) => !("error" in answer)).length,
    });
    this.#subscriptions.catchUp();
  }

  async #refresh(id: number, before: Authenticated, token: string): Promise<void> {
    const who = await this.#services.gateway.authenticate(token);
    if (this.isClosed) return;
    if (who.caller.user !== before.caller.user) {
      throw new ClusterError("permission-denied", "a connection stays with the user who opened it");
    }
    if (this.#services.hasEnded(who.caller.sessionId)) throw sessionEnded();
    this.#identity = { kind: "known", who };
    const expires = new Date(who.expireTimeMs).toISOString();
    this.#host.send(replies.refresh(id, expires));
    this.#services.observer({ kind: "refreshed" });
    this.#host.trace({ event: "refreshed", expires });
  }
}

function sessionEnded(): ClusterError {
  return new ClusterError("unauthenticated", "the session has ended: log in again");
}

/** What a log line says of a call: which one, the id of a write, which stands in the audit trail too, and its trace. */
function factsOf({ method, request, trace }: RemoteCall): object {
  const isObject = typeof request === "object" && request !== null && !Array.isArray(request);
  const requestId = isObject ? (request["requestId"] ?? request["request_id"]) : undefined;
  return {
    call: method,
    ...(typeof requestId === "string" ? { requestId } : {}),
    ...trace,
  };
}
