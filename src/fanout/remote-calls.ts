import { toJson } from "@bufbuild/protobuf";
import type { DescMethodUnary, JsonValue } from "@bufbuild/protobuf";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { ClusterError } from "../base/index.js";
import { PUBLIC_SERVICES } from "../gateway/index.js";
import type { Authenticated, Gateway } from "../gateway/index.js";
import { decodeJson } from "../wire/index.js";
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

/** The calls of one connection, many at a time; each is answered when it is done. */
export class RemoteCalls {
  readonly #gateway: Gateway;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #remoteAddress: string;
  readonly #ended = new AbortController();
  #inFlight = 0;

  constructor(
    services: { readonly gateway: Gateway; readonly clock: Clock; readonly limits: Limits },
    remoteAddress: string,
  ) {
    this.#gateway = services.gateway;
    this.#clock = services.clock;
    this.#limits = services.limits;
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
    if (this.#inFlight >= this.#limits.callsInFlightMax) {
      throw new ClusterError("overloaded", "too many calls wait for their answer", {
        outcome: "not_applied",
      });
    }
    const { callMsMax } = this.#limits;
    const timeoutMs = Math.min(call.timeoutMs ?? callMsMax, callMsMax);
    const deadline = new AbortController();
    const cancel = this.#clock.after(timeoutMs, () => deadline.abort());
    this.#inFlight++;
    try {
      const response = await this.#gateway.unary({
        method,
        request: decodeJson(method.input, call.request),
        token: who,
        deadlineMs: this.#clock.monotonicMs() + timeoutMs,
        signal: AbortSignal.any([deadline.signal, this.#ended.signal]),
        remoteAddress: this.#remoteAddress,
      });
      return toJson(method.output, response);
    } finally {
      this.#inFlight--;
      cancel();
    }
  }

  /** Nobody hears the answers any more: what was proposed goes on, what waits to be does not. */
  close(): void {
    this.#ended.abort();
  }
}
