import { request as send } from "node:https";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly schema: object;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, object>> };
  readonly security?: readonly object[];
  readonly responses: Readonly<Record<string, object>>;
}

interface Document {
  readonly servers: readonly [{ readonly url: string }];
  readonly security: readonly object[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface DocumentedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A client that knows nothing of the API but its OpenAPI document, and holds both sides to it. */
export class DocumentClient {
  readonly #base: string;
  readonly #ca: string;
  readonly #document: Document;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  token = "";

  static async open(base: string, ca: string): Promise<DocumentClient> {
    const { text } = await exchange(`${base}/openapi.json`, ca, "GET", {}, undefined);
    return new DocumentClient(base, ca, JSON.parse(text) as Document);
  }

  private constructor(base: string, ca: string, document: Document) {
    this.#base = base;
    this.#ca = ca;
    this.#document = document;
    addFormats.default(this.#ajv);
    this.#ajv.addSchema({ $id: "doc", ...document });
  }

  get operations(): readonly string[] {
    return Object.values(this.#document.paths)
      .flatMap((item) => Object.values(item))
      .map(({ operationId }) => operationId);
  }

  /** Refuses to send what the document does not allow, and to believe an answer that it does not describe. */
  async call(
    operationId: string,
    parameters: Readonly<Record<string, string>> = {},
    body?: object,
  ): Promise<DocumentedAnswer> {
    const { path, method, operation, pointer } = this.#find(operationId);
    const known = operation.parameters ?? [];
    const unknown = Object.keys(parameters).find((one) => !known.some(({ name }) => name === one));
    if (unknown !== undefined) throw new Error(`${operationId} has no parameter ${unknown}`);
    const query = new URLSearchParams();
    const headers: Record<string, string> = {};
    let url = path;
    for (const [index, { name, in: place, required }] of known.entries()) {
      const value = parameters[name];
      if (value === undefined && required === true) throw new Error(`${operationId} needs ${name}`);
      if (value === undefined) continue;
      const { type } = this.#resolve(known[index]?.schema ?? {});
      const typed = type === "string" ? value : (JSON.parse(value) as unknown);
      this.#check(`${pointer}/parameters/${index}/schema`, typed, `${operationId} ${name}`);
      if (place === "path") url = url.replace(`{${name}}`, encodeURIComponent(value));
      else if (place === "query") query.append(name, value);
      else headers[name] = value;
    }
    if (body !== undefined) {
      const schema = `${pointer}/requestBody/content/application~1json/schema`;
      this.#check(schema, body, `${operationId} request`);
      headers["content-type"] = "application/json";
    }
    if ((operation.security ?? this.#document.security).length > 0) {
      headers["authorization"] = `Bearer ${this.token}`;
    }
    const target = `${this.#base}${this.#document.servers[0].url.replace(/\/$/u, "")}${url}`;
    const search = query.size === 0 ? "" : `?${query.toString()}`;
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const answer = await exchange(target + search, this.#ca, method.toUpperCase(), headers, sent);
    return this.#understand(operation, pointer, answer);
  }

  /** As `call`, with those of the values that the operation takes. */
  async callWith(
    operationId: string,
    values: Readonly<Record<string, string>>,
  ): Promise<DocumentedAnswer> {
    const { operation } = this.#find(operationId);
    const taken = (operation.parameters ?? []).map(({ name }) => name);
    const given = Object.entries(values).filter(([name]) => taken.includes(name));
    return await this.call(operationId, Object.fromEntries(given));
  }

  #understand(
    operation: Operation,
    pointer: string,
    answer: Awaited<ReturnType<typeof exchange>>,
  ): DocumentedAnswer {
    const status = String(answer.status);
    const name = operation.responses[status] === undefined ? "default" : status;
    const response = operation.responses[name];
    if (response === undefined) throw new Error(`${operation.operationId} answered ${status}`);
    const { status: code, headers, text } = answer;
    if (text === "") return { status: code, headers, body: {} };
    const body = JSON.parse(text) as Record<string, unknown>;
    const place =
      "$ref" in response ? String(response.$ref).slice(1) : `${pointer}/responses/${name}`;
    const schema = `${place}/content/application~1json/schema`;
    this.#check(schema, body, `${operation.operationId} ${status}`);
    return { status: code, headers, body };
  }

  #find(operationId: string) {
    for (const [path, item] of Object.entries(this.#document.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if (operation.operationId !== operationId) continue;
        const escaped = encodeURIComponent(path.replaceAll("~", "~0").replaceAll("/", "~1"));
        return { path, method, operation, pointer: `/paths/${escaped}/${method}` };
      }
    }
    throw new Error(`there is no operation ${operationId}`);
  }

  #resolve(schema: object): { readonly type?: unknown } {
    return "type" in schema ? schema : { type: "string" };
  }

  #check(pointer: string, value: unknown, what: string): void {
    if (this.#ajv.validate({ $ref: `doc#${pointer}` }, value)) return;
    throw new Error(`${what}: ${this.#ajv.errorsText()} in ${JSON.stringify(value)}`);
  }
}

function exchange(
  url: string,
  ca: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: string | undefined,
): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = send(url, { method, headers, ca }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
