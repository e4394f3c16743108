import { toJson } from "@bufbuild/protobuf";
import type { DescMethodUnary, JsonValue } from "@bufbuild/protobuf";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { ClusterError } from "../base/index.js";
import type { CallNote, CallObserver } from "../base/index.js";
import { PUBLIC_SERVICES } from "../gateway/index.js";
import type { Authenticated, Gateway } from "../gateway/index.js";
import { codeName, decodeJson } from "../wire/index.js";
import type { Clock } from "./clock.js";
import type { RemoteCall } from "./commands.js";
import type { Limits } from "./limits.js";

/**
 * Every unary method of the public API but those that handle passwords: they are for a door that keeps no connection.
 */
const METHODS: ReadonlyMap<string, DescMethodUnary> = new Map(
  PUBLIC_SERVICES.filter(({ typeName }) => typeName !== AuthService.typeName)
    .flatMap(({ methods }) => methods)
    .filter((method): method is DescMethodUnary => method.methodKind === "unary")
    .map((method) => [`${method.parent.typeName}/${method.name}`, method]),
);

export interface CallServices {
  readonly gateway: Gateway;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly callObserver: CallObserver | undefined;
}

/** The calls of one connection, many at a time; each is answered when it is done. */
export class RemoteCalls {
  readonly #services: CallServices;
  readonly #remoteAddress: string;
  readonly #ended = new AbortController();
  #inFlight = 0;

  constructor(services: CallServices, remoteAddress: string) {
    this.#services = services;
    this.#remoteAddress = remoteAddress;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** The response, in proto3 JSON. Fails with a ClusterError. */
  async answer(who: Authenticated, call: RemoteCall): Promise<JsonValue> {
    const method = METHODS.get(call.method);
    if (method === undefined) {
      const message = `${call.method} is no method that a socket takes: see docs/LIVE.md`;
      throw new ClusterError("unimplemented", message);
    }
    const note = this.#services.callObserver?.started({
      service: method.parent.typeName,
      method: method.name,
      type: "unary",
      protocol: "ws",
    });
    try {
      const response = await this.#ask(who, method, call, note);
      note?.sent();
      note?.ended("OK");
      return response;
    } catch (error) {
      note?.ended(codeName(error));
      throw error;
    }
  }

  /** Nobody hears the answers any more: what was proposed goes on, what waits to be does not. */
  close(): void {
    this.#ended.abort();
  }

  async #ask(
    who: Authenticated,
    method: DescMethodUnary,
    call: RemoteCall,
    note: CallNote | undefined,
  ): Promise<JsonValue> {
    const { gateway, clock } = this.#services;
    const { callMsMax, callsInFlightMax } = this.#services.limits;
    if (this.#inFlight >= callsInFlightMax) {
      throw new ClusterError("overloaded", "too many calls wait for their answer", {
        outcome: "not_applied",
      });
    }
    const timeoutMs = Math.min(call.timeoutMs ?? callMsMax, callMsMax);
    const deadline = new AbortController();
    const cancel = clock.after(timeoutMs, () => deadline.abort());
    this.#inFlight++;
    try {
      const request = decodeJson(method.input, call.request);
      note?.received();
      const response = await gateway.unary({
        method,
        request,
        token: who,
        deadlineMs: clock.monotonicMs() + timeoutMs,
        signal: AbortSignal.any([deadline.signal, this.#ended.signal]),
        remoteAddress: this.#remoteAddress,
        ...call.trace,
      });
      return toJson(method.output, response);
    } finally {
      this.#inFlight--;
      cancel();
    }
  }
}
