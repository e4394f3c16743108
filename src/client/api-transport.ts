import { clone, create, getOption } from "@bufbuild/protobuf";
import type { DescMessage, DescMethodUnary, Message, MessageShape } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Interceptor, Transport } from "@connectrpc/connect";
import { Audience, authorization } from "../../gen/cabildo/v1/options_pb.js";
import { fullJitter } from "./full-jitter.js";
import type { Positions } from "./positions.js";
import { newRequestId } from "./request-id.js";
import { reasonOf } from "./refusals.js";
import type { TokenSource } from "./tokens.js";

/** A call that may be repeated is tried so often at most, each time at the next address. */
const ATTEMPTS_MAX = 6;
/**
 * Who says nothing for so long may be gone without a word, as a host is that lost its power: the next address is asked as
 * well.
 */
const SILENT_MS = 5000;

/** Says who calls, save where anyone may: to register and to log in. */
export function authorize(tokens: TokenSource): Interceptor {
  return (next) => async (request) => {
    if (getOption(request.method, authorization).audience === Audience.PUBLIC) {
      return await next(request);
    }
    request.header.set("authorization", `Bearer ${await tokens.accessToken()}`);
    return await next(request);
  };
}

/** Fills what the contracts leave to the client: the position that a read must have come to. */
export function complete(positions: Positions): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return await next(request);
    const { input } = request.method;
    const name = textField(input, request.message, ["name", "parent"]);
    if (isRead(request.method)) {
      setIfEmpty(input, request.message, "position", () => positions.of(name));
    }
    const passed = textField(input, request.message, ["position"]);
    const response = await next(request).catch((error: unknown) => {
      if (reasonOf(error) === "EPOCH_CHANGED") positions.forget(name);
      throw error;
    });
    if (!response.stream) {
      const { output } = response.method;
      const written = textField(output, response.message, ["name"]);
      const position = textField(output, response.message, ["position"]);
      positions.answer(written === "" ? name : written, position, passed);
    }
    return response;
  };
}

export interface FailoverOptions {
  /** One for each address, in order of preference. */
  readonly transports: readonly [Transport, ...Transport[]];
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/**
 * Several addresses as one: a call that failed because nobody was there goes on to the next address, and one that is not
 * answered is made there as well. Only what has no effect twice is repeated: reads, and writes that have a request id, which
 * is filled here where the caller left it open.
 */
export function createFailoverTransport(options: FailoverOptions): Transport {
  const { transports, random, sleep } = options;
  let preferred = 0;
  const current = (): Transport => transports[preferred % transports.length] ?? transports[0];
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      // What is filled in belongs to this call: the caller may use the same message again.
      const message = clone(method.input, create(method.input, input));
      setIfEmpty(method.input, message, "requestId", newRequestId);
      const pursue = async (until: AbortSignal | undefined) => {
        for (let attempt = 0; ; attempt++) {
          const tried = preferred;
          try {
            return await current().unary(method, until, timeoutMs, header, message, contextValues);
          } catch (cause) {
            const last = attempt + 1 >= ATTEMPTS_MAX || until?.aborted === true;
            if (last || !isNobodyThere(cause) || !mayRepeat(method, message)) throw cause;
            // Those that failed together go on to the same address.
            if (preferred === tried) preferred++;
            await sleep(fullJitter(attempt, random), until);
          }
        }
      };
      if (transports.length === 1 || !mayRepeat(method, message)) return await pursue(signal);
      const tried = preferred;
      const another = (): void => {
        if (preferred === tried) preferred++;
      };
      return await withAnother(pursue, another, signal, sleep);
    },
    stream(method, signal, timeoutMs, header, input, contextValues) {
      return current().stream(method, signal, timeoutMs, header, input, contextValues);
    },
  };
}

/** Makes a call, and once more beside it if it is silent for long: resolves as the one that is answered first. */
async function withAnother<Answer>(
  call: (signal: AbortSignal) => Promise<Answer>,
  another: () => void,
  signal: AbortSignal | undefined,
  sleep: FailoverOptions["sleep"],
): Promise<Answer> {
  const ending = new AbortController();
  const until = ending.signal;
  const end = (): void => ending.abort(signal?.reason);
  if (signal?.aborted === true) end();
  signal?.addEventListener("abort", end);
  const orElse = (other: Promise<Answer>) => (cause: unknown) => {
    if (isSilence(cause)) return other;
    throw cause;
  };
  try {
    const first = call(until);
    const answered = first.then(
      () => true,
      () => true,
    );
    const givenUp = sleep(SILENT_MS, until).then(() => until.aborted);
    if (await Promise.race([answered, givenUp])) return await first;
    another();
    const second = call(until);
    return await Promise.race([first.catch(orElse(second)), second.catch(orElse(first))]);
  } finally {
    signal?.removeEventListener("abort", end);
    ending.abort();
  }
}

function isSilence(cause: unknown): boolean {
  return isNobodyThere(cause) || ConnectError.from(cause).code === Code.DeadlineExceeded;
}

/**
 * Connect calls a connection that was cut off in Node aborted, and a fetch that failed in a browser unknown: both have a
 * cause here, which no answer of a server has.
 */
function isNobodyThere(reason: unknown): boolean {
  const { code, cause } = ConnectError.from(reason);
  if (code === Code.Aborted) return cause !== undefined;
  return code === Code.Unavailable || (code === Code.Unknown && cause instanceof TypeError);
}

function mayRepeat(method: DescMethodUnary, input: object): boolean {
  return isRead(method) || textField(method.input, input, ["requestId"]) !== "";
}

function isRead({ idempotency }: { readonly idempotency: unknown }): boolean {
  return idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

/** The first of the fields that is a text and not empty. */
function textField(schema: DescMessage, message: object, names: readonly string[]): string {
  for (const name of names) {
    const field = schema.field[name];
    if (field?.fieldKind !== "scalar") continue;
    const value: unknown = Reflect.get(message, name);
    if (typeof value === "string" && value !== "") return value;
  }
  return "";
}

function setIfEmpty<Schema extends DescMessage>(
  schema: Schema,
  message: MessageShape<Schema> & Message,
  name: string,
  value: () => string,
): void {
  const field = schema.field[name];
  if (field?.fieldKind !== "scalar" || textField(schema, message, [name]) !== "") return;
  reflect(schema, message).set(field, value());
}
