import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Cancellation, ClusterError } from "../base/index.js";
import { codeName, traceContextOf } from "../wire/index.js";
import type { Backend } from "./backend.js";
import { bearerToken } from "./bearer-token.js";
import { factsOf } from "./call-facts.js";
import { refusalOf } from "./call-failure.js";
import type { Clock } from "./clock.js";
import type { Exchange } from "./exchange.js";
import { ExchangeMetadata } from "./exchange-metadata.js";
import type { Form, Refusal } from "./forms/form.js";
import type { CoordinatorLimits } from "./limits.js";
import type { Logger } from "./logger.js";
import { MAX_STALENESS_HEADER, readMaxStalenessMs } from "./max-staleness.js";
import type { CallObserver, CancelSignal } from "../base/index.js";

export interface CallsOptions {
  readonly gateway: Backend;
  readonly limits: CoordinatorLimits;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  readonly observer: CallObserver | undefined;
}

/** Turns the bytes of a body into those that the form can read. */
export type Unpack = (bytes: Uint8Array) => Promise<Uint8Array>;

interface UnaryCall {
  readonly exchange: Exchange;
  readonly form: Form;
  readonly method: DescMethod;
  readonly timeoutMs: number;
  /** Where the body is compressed. */
  readonly unpack?: Unpack | undefined;
}

/** The short way of a plain call: read, decoded once, asked, answered. What is unusual goes through Connect. */
export class UnaryCalls {
  readonly #options: CallsOptions;
  /** How each call that is under way is ended from outside. */
  readonly #open = new Set<(reason: ClusterError) => void>();

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  answer(call: UnaryCall): void {
    const { exchange, form, method, timeoutMs } = call;
    const { clock, logger, observer } = this.#options;
    const service = method.parent.typeName;
    const metadata = new ExchangeMetadata(exchange);
    const leaving = new Cancellation();
    const note = observer?.started({
      service,
      method: method.name,
      type: "unary",
      protocol: form.protocol,
    });
    let settled = false;
    /** The first of: answered, refused, ended from outside, left. */
    const settle = (code: string): boolean => {
      if (settled) return false;
      settled = true;
      cancelTimer();
      this.#open.delete(end);
      if (code === "OK") note?.sent();
      note?.ended(code);
      return true;
    };
    const refuse = (failure: Refusal): void => {
      if (settle(codeName(failure))) exchange.respond(form.refuse(failure, metadata.sent));
    };
    const end = (reason: ClusterError): void => {
      refuse(reason);
      leaving.abort(reason);
    };
    const cancelTimer = clock.after(timeoutMs, () => end(tooLate()));
    this.#open.add(end);
    exchange.onClose(() => {
      if (settled) return;
      const left = new ClusterError("canceled", "the client left before the answer");
      if (settle(codeName(left))) leaving.abort(left);
    });
    const asked: { request?: Message } = {};
    this.#ask(call, metadata, leaving, (request) => {
      asked.request = request;
      note?.received();
    }).then(
      (answer) => {
        if (settle("OK")) exchange.respond(answer);
      },
      (failure: unknown) => {
        if (settled) return;
        const facts = factsOf(asked.request, exchange.header("traceparent"));
        refuse(refusalOf(failure, { call: `${service}/${method.name}`, ...facts }, logger));
      },
    );
  }

  /** Ends every call that is under way. */
  cutOff(reason: ClusterError): void {
    for (const end of [...this.#open]) end(reason);
  }

  async #ask(
    call: UnaryCall,
    metadata: ExchangeMetadata,
    signal: CancelSignal,
    received: (request: Message) => void,
  ) {
    const { exchange, form, method, timeoutMs, unpack } = call;
    const { gateway, clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    const sent = await exchange.readBody(form.bodyBytesMax);
    const request = form.decode(unpack === undefined ? sent : await unpack(sent));
    received(request);
    const response = await gateway.unary({
      method,
      request,
      token: bearerToken(exchange.header("authorization") ?? null),
      deadlineMs,
      signal,
      maxStalenessMs: readMaxStalenessMs(exchange.header(MAX_STALENESS_HEADER)),
      remoteAddress: exchange.remoteAddress,
      metadata,
      ...traceContextOf(exchange.header("traceparent")),
    });
    return form.answer(response, metadata.sent);
  }
}

function tooLate(): ClusterError {
  return new ClusterError(
    "deadline-exceeded",
    "the deadline passed before the answer: repeat with the same request id",
    { outcome: "unknown" },
  );
}
