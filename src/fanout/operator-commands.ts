import { ClusterError, unreachable } from "../base/index.js";
import type { Authenticated } from "../gateway/index.js";
import { decide } from "../policy/index.js";
import { findAllowed, viewOf } from "./allowed-channel.js";
import { unknownCommand } from "./commands.js";
import type { OperatorCommand } from "./commands.js";
import type { ConnectionState } from "./connection-state.js";
import { parseQuestion } from "./operator-question.js";
import type { OperatorQuestion, Subject } from "./operator-question.js";
import { errorBody } from "./replies.js";
import { shardsOf, whenFollowed } from "./starts.js";
import type { SubscriptionServices } from "./subscriptions.js";
import type { Tracer, Traces } from "./traces.js";

/** The connection of whoever asks. */
export interface Asker extends Tracer {
  readonly remoteAddress: string;
}

/** A connection that can be asked about. */
export interface Inspected {
  /** All of it, or of one channel alone; undefined while it is not known whose it is, or where it has no such channel. */
  describe(channel?: string): ConnectionState | undefined;
}

export interface OperatorServices extends Pick<
  SubscriptionServices,
  "gateway" | "rangeMap" | "followers" | "limits" | "clock"
> {
  readonly serverName: string;
  readonly traces: Pick<Traces, "begin" | "end">;
  readonly connections: Iterable<Inspected> & { of(user: string): Iterable<Inspected> };
}

const ACTIONS = { inspect: "live.inspect", may: "live.may", trace: "live.trace" } as const;
/** No more is said of connections at once. */
const ANSWER_CHARACTERS = 256 * 1024;

/**
 * What operators ask of this server about what is others'. The audit trail says who asks for whom before it is answered; to
 * everybody else there are no such commands.
 */
export class OperatorCommands {
  readonly #services: OperatorServices;

  constructor(services: OperatorServices) {
    this.#services = services;
  }

  /** The body of the answer. */
  async answer(asker: Asker, { caller }: Authenticated, command: OperatorCommand): Promise<object> {
    const { audit } = this.#services.gateway;
    const action = ACTIONS[command.kind];
    const deed = { subject: `users/${caller.user}`, action, origin: asker.remoteAddress };
    if (decide(caller, action, { kind: "none" }).kind === "deny") {
      audit.refused({ ...deed, object: "", decision: "permission-denied", detail: "" });
      throw unknownCommand();
    }
    const question = parseQuestion(command, this.#services.rangeMap);
    if (asker.buffered() > asker.unsentBytesLow) {
      throw new ClusterError("overloaded", "read what was answered before: too much is unsent");
    }
    const { subject } = question;
    if (subject !== undefined) {
      const detail = question.kind === "may" ? question.channel : "";
      await audit.record({ ...deed, object: subject.name, decision: "allow", detail });
    }
    switch (question.kind) {
      case "inspect":
        return this.#inspect(question);
      case "may":
        return await this.#tryChannel(question);
      case "trace":
        return this.#trace(asker, question);
      default:
        return unreachable(question);
    }
  }

  #inspect({ subject, connectionsMax }: OperatorQuestion & { readonly kind: "inspect" }): object {
    const connections: ConnectionState[] = [];
    let count = 0;
    let characters = 0;
    for (const state of this.#statesOf(subject)) {
      count += 1;
      if (connections.length >= connectionsMax || characters > ANSWER_CHARACTERS) continue;
      connections.push(state);
      characters += JSON.stringify(state).length;
    }
    const truncated = connections.length < count;
    return { server: this.#services.serverName, count, truncated, connections };
  }

  *#statesOf(subject: Subject): Iterable<ConnectionState> {
    const { connections } = this.#services;
    const [concerned, channel] =
      subject.kind === "user" ? [connections.of(subject.user)] : [connections, subject.name];
    for (const connection of concerned) {
      const state = connection.describe(channel);
      if (state !== undefined) yield state;
    }
  }

  /** Its lines come behind the answer. */
  #trace(asker: Asker, { subject }: OperatorQuestion & { readonly kind: "trace" }): object {
    const { traces, serverName: server } = this.#services;
    // Gone while the audit trail was told: nobody would end it.
    if (subject === undefined || asker.isClosed) traces.end(asker);
    else traces.begin(asker, subject);
    return subject === undefined ? { server } : { server, [subject.kind]: subject.name };
  }

  /** As `subscribe` would, up to where the channel would begin. */
  async #tryChannel({
    subject,
    channel,
  }: OperatorQuestion & { readonly kind: "may" }): Promise<object> {
    const { gateway, followers, serverName } = this.#services;
    const asked = { server: serverName, user: subject.name, channel };
    try {
      const caller = await gateway.callerOf(subject.user);
      const allowed = await findAllowed(this.#services, caller, channel);
      if (allowed instanceof Error) throw allowed;
      await whenFollowed(shardsOf(allowed.channel, followers), new Map(), this.#services);
      const { grant } = allowed;
      const right = { view: viewOf(grant), granted_since: String(grant.since) };
      return { ...asked, allowed: true, ...right };
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      return { ...asked, allowed: false, error: errorBody(error) };
    }
  }
}
