import { toBinary } from "@bufbuild/protobuf";
import type { DescMethod } from "@bufbuild/protobuf";
import { PUBLIC_SERVICES } from "../../../src/gateway/index.js";
import type { SeededRandom } from "../../raft/seeded-random.js";
import { codeOf, enveloped } from "../http2-client.js";
import { anyJson, anyMessage } from "../messages.js";
import { anyText, changeBytes, changeJson, changeText } from "../nonsense.js";
import { PublicDoor } from "../public-door.js";
import type { Target } from "../target.js";

const METHODS = PUBLIC_SERVICES.flatMap(({ methods }) => methods);

const EITHER = ["application/grpc", "application/grpc+proto", "application/grpc-web+proto"];
const UNARY = [...EITHER, "application/proto", "application/json", "application/json"];
const STREAM = [...EITHER, "application/connect+proto", "application/connect+json"];

/** Headers that mean something to some protocol, with values that may not. */
const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  ["grpc-timeout", ["1n", "50m", "99999999H", "x", "-1S"]],
  ["connect-timeout-ms", ["1", "0", "99999999999", "x"]],
  ["connect-protocol-version", ["1", "2"]],
  ["grpc-encoding", ["gzip", "br", "identity", "x"]],
  ["content-encoding", ["gzip", "br", "identity", "x"]],
  ["grpc-accept-encoding", ["gzip", ","]],
  ["x-grpc-web", ["1"]],
  ["origin", ["https://evil.example", "null", "x"]],
  ["traceparent", ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0-0-0"]],
  [
    "content-type",
    ["application/grpc+json", "text/plain", "application/x", ";", "application/json; charset=x"],
  ],
];

const NO_HEADER: readonly [string, readonly string[]] = ["x-a", ["b"]];

/** gRPC, gRPC-Web and Connect, before a gateway with the real state machine. */
export async function openPublic(): Promise<Target> {
  const door = await PublicDoor.open();
  return {
    run: async (random) => {
      const { token } = await door.people.next();
      const method = random.pick(METHODS) ?? fail();
      const isUnary = (method.methodKind === "unary") === random.chance(0.98);
      const form = random.pick(isUnary ? UNARY : STREAM) ?? fail();
      const headers = { ...headersOf(random, method, form), ...credentials(random, token) };
      const path = `/${method.parent.typeName}/${method.name}`;
      const answer = await door.send("POST", path, headers, bodyOf(random, method, form, door));
      return door.people.heard(codeOf(answer));
    },
    faults: () => door.faults(),
    close: () => door.close(),
  };
}

function headersOf(random: SeededRandom, method: DescMethod, form: string) {
  const [name, values] = (random.chance(0.15) ? random.pick(HEADERS) : undefined) ?? NO_HEADER;
  // Streams go on for ever: they are asked for a moment.
  const brief =
    method.methodKind === "unary" ? {} : { "grpc-timeout": "100m", "connect-timeout-ms": "100" };
  return { "content-type": form, te: "trailers", ...brief, [name]: random.pick(values) ?? "" };
}

export function credentials(random: SeededRandom, token: string): Readonly<Record<string, string>> {
  if (random.chance(0.9)) return { authorization: `Bearer ${token}` };
  if (random.chance(0.3)) return {};
  const text = random.chance(0.5) ? `Bearer ${changeText(random, token)}` : anyText(random);
  // What may stand in a header at all: the client refuses to send anything else.
  return { authorization: text.replaceAll(/[^\x20-\x7e]/gu, "").trim() };
}

function bodyOf(
  random: SeededRandom,
  { input }: DescMethod,
  form: string,
  { people }: PublicDoor,
): Uint8Array {
  const isJson = form.endsWith("json");
  const isEnveloped = !["application/json", "application/proto"].includes(form);
  const message = isJson
    ? json(random, anyJson(input, random, people.words))
    : toBinary(input, anyMessage(input, random, people.words));
  const body = isEnveloped ? enveloped(flags(random), message) : message;
  return random.chance(0.1) ? changeBytes(random, body) : body;
}

function json(random: SeededRandom, value: unknown): Uint8Array {
  return Buffer.from(random.chance(0.7) ? JSON.stringify(value) : changeJson(random, value));
}

/** Now and then a header that means something to gRPC, with a value that may not. */
export function oddHeaders(random: SeededRandom): Readonly<Record<string, string>> {
  const [name, values] = random.chance(0.05) ? (random.pick(HEADERS) ?? fail()) : NO_HEADER;
  return { [name]: random.pick(values) ?? "" };
}

/** That a message is compressed, or the last one, or what nobody knows. */
export function flags(random: SeededRandom): number {
  return random.chance(0.98) ? 0 : random.between(0, 255);
}

function fail(): never {
  throw new Error("an empty list");
}
