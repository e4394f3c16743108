import { once } from "node:events";
import type { Writable } from "node:stream";
import { ClusterError } from "../base/index.js";
import { streamPosition, toResponseJson, type Binding } from "../transcoding/index.js";
import { codeName, toRestError, traceContextOf } from "../wire/index.js";
import { bearerToken } from "./bearer-token.js";
import { factsOf } from "./call-facts.js";
import { refusalOf } from "./call-failure.js";
import { ExchangeMetadata } from "./exchange-metadata.js";
import type { Exchange } from "./exchange.js";
import type { Refusal } from "./forms/form.js";
import type { RestForm } from "./forms/rest-form.js";
import { MAX_STALENESS_HEADER, readMaxStalenessMs } from "./max-staleness.js";
import type { CallNote } from "../base/index.js";
import type { CallsOptions } from "./unary-calls.js";
import { untilAborted } from "./until-aborted.js";

/** A stream says something at least this often, so that what stands between does not take it for dead. */
const COMMENT_MS = 15_000;
const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  // Proxies that gather an answer before they pass it on are asked not to.
  "x-accel-buffering": "no",
};

/**
 * Server streams as Server-Sent Events (WHATWG HTML, 9.2). The id of an event is its message's position, so that a client
 * that comes again with Last-Event-ID goes on after it. A refusal before the first message is an ordinary one; later it is an
 * event named `error`.
 */
export class EventStreams {
  readonly #options: CallsOptions & { readonly stopping: AbortSignal };

  constructor(options: CallsOptions & { readonly stopping: AbortSignal }) {
    this.#options = options;
  }

  answer(exchange: Exchange, form: RestForm, binding: Binding): void {
    const { clock, limits, logger, observer, stopping } = this.#options;
    const { method } = binding;
    const service = method.parent.typeName;
    const note = observer?.started({
      service,
      method: method.name,
      type: "server_stream",
      protocol: form.protocol,
    });
    const ending = new AbortController();
    const stop = (): void =>
      ending.abort(new ClusterError("stopping", "this coordinator stops: go on at another one"));
    const cancelTimer = clock.after(limits.streamMsMax, () =>
      ending.abort(new ClusterError("deadline-exceeded", "go on from the last position")),
    );
    stopping.addEventListener("abort", stop);
    if (stopping.aborted) stop();
    exchange.onClose(() =>
      ending.abort(new ClusterError("canceled", "the client left the stream")),
    );
    let sink: EventSink | undefined;
    const open = (): EventSink => (sink ??= new EventSink(exchange, clock));
    const ended = (code: string): void => {
      stopping.removeEventListener("abort", stop);
      cancelTimer();
      note?.ended(code);
    };
    this.#send(exchange, form, binding, ending.signal, open, note).then(
      () => {
        open().end();
        ended("OK");
      },
      (failure: unknown) => {
        const refusal = refusalOf(
          failure,
          {
            call: `${service}/${method.name}`,
            ...factsOf(undefined, exchange.header("traceparent")),
          },
          logger,
        );
        if (sink === undefined) exchange.respond(form.refuse(refusal));
        else sink.fail(refusal);
        ended(codeName(refusal));
      },
    );
  }

  async #send(
    exchange: Exchange,
    form: RestForm,
    binding: Binding,
    signal: AbortSignal,
    open: () => EventSink,
    note: CallNote | undefined,
  ): Promise<void> {
    const { gateway, clock, limits } = this.#options;
    const request = form.decode(await exchange.readBody(form.bodyBytesMax));
    note?.received();
    const responses = gateway.stream({
      method: binding.method,
      request,
      token: bearerToken(exchange.header("authorization") ?? null),
      deadlineMs: clock.monotonicMs() + limits.streamMsMax,
      signal,
      maxStalenessMs: readMaxStalenessMs(exchange.header(MAX_STALENESS_HEADER)),
      remoteAddress: exchange.remoteAddress,
      metadata: new ExchangeMetadata(exchange),
      ...traceContextOf(exchange.header("traceparent")),
    });
    for await (const response of untilAborted(responses, signal)) {
      const json = toResponseJson(binding, response);
      note?.sent();
      await open().say(JSON.stringify(json), streamPosition(json), signal);
    }
  }
}

/** The events of one stream, no faster than the client takes them. */
class EventSink {
  readonly #writable: Writable;
  readonly #clock: CallsOptions["clock"];
  #cancelComment: () => void = () => undefined;

  constructor(exchange: Exchange, clock: CallsOptions["clock"]) {
    this.#clock = clock;
    this.#writable = exchange.stream(200, HEADERS);
    exchange.onClose(() => this.#cancelComment());
    this.#commentLater();
  }

  async say(data: string, id: string | undefined, signal: AbortSignal): Promise<void> {
    const text = `${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;
    if (!this.#writable.write(text)) await once(this.#writable, "drain", { signal });
    this.#cancelComment();
    this.#commentLater();
  }

  fail(failure: Refusal): void {
    if (this.#writable.destroyed) return;
    this.#writable.write(`event: error\ndata: ${JSON.stringify(toRestError(failure).json)}\n\n`);
    this.end();
  }

  end(): void {
    this.#cancelComment();
    this.#writable.end();
  }

  #commentLater(): void {
    this.#cancelComment = this.#clock.after(COMMENT_MS, () => {
      if (this.#writable.writableLength === 0) this.#writable.write(": \n\n");
      this.#commentLater();
    });
  }
}
