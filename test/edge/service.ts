import { setTimeout as sleep } from "node:timers/promises";
import {
  createFileRegistry,
  fromBinary,
  fromJson,
  toJson,
  type DescMethod,
  type DescMethodClientStreaming,
  type DescService,
  type FileRegistry,
  type JsonObject,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { anyUnpack, AnySchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { ClusterError } from "../../src/base/index.js";
import type { Backend, CallMetadata, EdgeCall } from "../../src/coordinator/index.js";

const PACKAGE = "connectrpc.conformance.v1";
/** Of a call that names no deadline: told from one that does by being odd. */
export const DEADLINE_MS_MAX = 59_999;
export const STREAM_MS_MAX = 599_999;

interface Header {
  readonly name: string;
  readonly value: readonly string[];
}

/** What a request asks to be answered, in JSON. */
interface Definition {
  readonly responseHeaders?: readonly Header[];
  readonly responseTrailers?: readonly Header[];
  readonly responseData?: string | readonly string[];
  readonly error?: {
    readonly code?: string;
    readonly message?: string;
    readonly details?: readonly JsonValue[];
  };
  readonly responseDelayMs?: number;
}

/** The test service of Connect's conformance suite, behind the edge that serves the API. */
export class ConformanceBackend implements Backend {
  readonly service: DescService;
  readonly #registry: FileRegistry;

  /** `descriptors`: a FileDescriptorSet of the suite's protos. */
  constructor(descriptors: Uint8Array) {
    this.#registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
    const service = this.#registry.getService(`${PACKAGE}.ConformanceService`);
    if (service === undefined) throw new Error("the descriptors hold no ConformanceService");
    this.service = service;
  }

  get registry(): FileRegistry {
    return this.#registry;
  }

  async unary({ method, request, metadata }: EdgeCall): Promise<Message> {
    if (method.name === "Unimplemented") {
      throw new ClusterError("unimplemented", "Unimplemented is not implemented");
    }
    return await this.#answer(method, [request], metadata);
  }

  async *stream({ method, request, metadata }: EdgeCall): AsyncIterable<Message> {
    yield* this.#answerMany(method, [request], metadata);
  }

  /** Those of the methods that stream requests. */
  addRoutes(router: ConnectRouter): void {
    for (const method of this.service.methods) {
      if (isClientStream(method)) {
        router.rpc(method, async (requests: AsyncIterable<Message>, context) => {
          const all: Message[] = [];
          for await (const request of requests) all.push(request);
          return await this.#answer(method, all, metadataOf(context));
        });
      }
    }
  }

  async #answer(
    method: DescMethod,
    requests: readonly Message[],
    metadata: CallMetadata,
  ): Promise<Message> {
    const [first] = requests;
    const definition = first === undefined ? {} : definitionOf(this.#json(method, first));
    send(definition, metadata);
    await sleep(definition.responseDelayMs ?? 0);
    const info = this.#info(method, requests, metadata, true);
    if (definition.error !== undefined) throw this.#error(definition.error, info);
    return this.#payload(method, String(definition.responseData ?? ""), info);
  }

  async *#answerMany(
    method: DescMethod,
    requests: readonly Message[],
    metadata: CallMetadata,
  ): AsyncIterable<Message> {
    const [first] = requests;
    const definition = first === undefined ? {} : definitionOf(this.#json(method, first));
    send(definition, metadata);
    const info = this.#info(method, requests, metadata, true);
    const all = many(definition);
    for (const [index, data] of all.entries()) {
      await sleep(definition.responseDelayMs ?? 0);
      yield this.#payload(method, data, index === 0 ? info : undefined);
    }
    if (definition.error !== undefined) {
      throw this.#error(definition.error, all.length === 0 ? info : undefined);
    }
  }

  #json({ input }: DescMethod, request: Message): JsonObject {
    return toJson(input, request, { registry: this.#registry }) as JsonObject;
  }

  #info(
    method: DescMethod,
    requests: readonly Message[],
    metadata: CallMetadata,
    isFirst: boolean,
  ): JsonObject {
    const { url } = metadata;
    const header = metadata.requestHeader();
    const timeoutMs = timeoutOf(header);
    const query = [...new URL(url, "https://localhost").searchParams];
    return {
      ...(isFirst
        ? { requestHeaders: [...header].map(([name, value]) => ({ name, value: [value] })) }
        : {}),
      ...(isFirst && timeoutMs !== undefined ? { timeoutMs: String(timeoutMs) } : {}),
      requests: requests.map((request) => ({
        "@type": `type.googleapis.com/${method.input.typeName}`,
        ...this.#json(method, request),
      })),
      ...(query.length === 0
        ? {}
        : {
            connectGetInfo: {
              queryParams: query.map(([name, value]) => ({ name, value: [value] })),
            },
          }),
    };
  }

  #payload({ output }: DescMethod, data: string, info: JsonObject | undefined): Message {
    const payload = { data, ...(info === undefined ? {} : { requestInfo: info }) };
    return fromJson(output, { payload }, { registry: this.#registry });
  }

  #error(error: NonNullable<Definition["error"]>, info: JsonObject | undefined): ConnectError {
    const words = (error.code ?? "CODE_UNKNOWN").replace("CODE_", "").toLowerCase();
    const name = words.replaceAll(/(?:^|_)([a-z])/gu, (_, letter: string) => letter.toUpperCase());
    const code = Object.entries(Code).find(([key]) => key === name)?.[1];
    const type = `type.googleapis.com/${PACKAGE}.ConformancePayload.RequestInfo`;
    const told = info === undefined ? [] : [{ "@type": type, ...info }];
    const failure = new ConnectError(
      error.message ?? "",
      typeof code === "number" ? code : Code.Unknown,
    );
    for (const detail of [...(error.details ?? []), ...told]) {
      const any = fromJson(AnySchema, detail, { registry: this.#registry });
      const message = anyUnpack(any, this.#registry);
      const desc = message && this.#registry.getMessage(message.$typeName);
      if (message !== undefined && desc !== undefined)
        failure.details.push({ desc, value: message });
    }
    return failure;
  }
}

function definitionOf(json: JsonObject): Definition {
  return (json["responseDefinition"] ?? {}) as Definition;
}

function many({ responseData = [] }: Definition): readonly string[] {
  return typeof responseData === "string" ? [responseData] : responseData;
}

function send(definition: Definition, metadata: CallMetadata): void {
  for (const { name, value } of definition.responseHeaders ?? []) {
    for (const one of value) metadata.responseHeader.append(name, one);
  }
  for (const { name, value } of definition.responseTrailers ?? []) {
    for (const one of value) metadata.responseTrailer.append(name, one);
  }
}

function metadataOf(context: HandlerContext): CallMetadata {
  const { url, requestHeader, responseHeader, responseTrailer } = context;
  return { url, requestHeader: () => requestHeader, responseHeader, responseTrailer };
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ...{ H: 3_600_000, M: 60_000, S: 1000 },
  ...{ m: 1, u: 0.001, n: 0.000_001 },
};

/** What the client asked for; undefined where the edge filled it in. */
function timeoutOf(header: Headers): number | undefined {
  const grpc = header.get("grpc-timeout");
  const text = header.get("connect-timeout-ms") ?? grpc;
  if (text === null) return undefined;
  const unit = grpc === null ? 1 : (UNITS_MS[text.slice(-1)] ?? 1);
  const timeoutMs = Math.round(Number.parseInt(text, 10) * unit);
  return timeoutMs === DEADLINE_MS_MAX || timeoutMs === STREAM_MS_MAX ? undefined : timeoutMs;
}

const isClientStream = (method: DescMethod): method is DescMethodClientStreaming =>
  method.methodKind === "client_streaming";
