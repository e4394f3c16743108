import { getOption, hasOption } from "@bufbuild/protobuf";
import type { DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { http } from "../../../gen/google/api/annotations_pb.js";
import { PUBLIC_SERVICES } from "../../../src/gateway/index.js";
import type { SeededRandom } from "../../raft/seeded-random.js";
import { codeOf } from "../http2-client.js";
import { anyJson } from "../messages.js";
import type { Vocabulary } from "../messages.js";
import { anyText, changeJson, changeText } from "../nonsense.js";
import { PublicDoor } from "../public-door.js";
import type { Target } from "../target.js";
import { credentials } from "./public.js";

interface Route {
  readonly method: DescMethod;
  readonly verb: string;
  readonly template: string;
  readonly body: string;
}

const ROUTES: readonly Route[] = PUBLIC_SERVICES.flatMap(({ methods }) => methods).flatMap(
  (method) => {
    if (!hasOption(method, http)) return [];
    const { pattern, body } = getOption(method, http);
    if (pattern.case === undefined || typeof pattern.value !== "string") return [];
    return [{ method, verb: pattern.case.toUpperCase(), template: pattern.value, body }];
  },
);

const PAGES = ["/openapi.json", "/docs", "/.well-known/jwks.json", "/livez", "/readyz", "/"];
const VERBS = ["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "HEAD", "PROPFIND"];
const VARIABLE = /\{([a-z_.]+)(?:=([^}]+))?\}/gu;

/** REST and the pages, before a gateway with the real state machine. */
export async function openRest(): Promise<Target> {
  const door = await PublicDoor.open();
  return {
    run: async (random) => {
      const { token } = await door.people.next();
      const route = random.pick(ROUTES);
      if (route === undefined) throw new Error("no routes");
      const whole = anyJson(route.method.input, random, door.people.words);
      const json = random.chance(0.95) ? withoutVariables(whole, route) : whole;
      const verb = random.chance(0.95) ? route.verb : (random.pick(VERBS) ?? "GET");
      const path = pathOf(random, route, door.people.words) + queryOf(random, route, json);
      const headers = {
        ...credentials(random, token),
        "content-type": random.chance(0.98) ? "application/json" : "text/plain",
        ...(random.chance(0.1) ? { accept: "text/event-stream" } : {}),
        ...(random.chance(0.02) ? { "content-encoding": "gzip" } : {}),
      };
      // Streams are events, whatever was asked for.
      const isStream = route.method.methodKind !== "unary";
      const asked = isStream ? { ...headers, accept: "text/event-stream" } : headers;
      const body = route.body === "" && random.chance(0.95) ? "" : bodyOf(random, route, json);
      const answer = await door.send(verb, path, asked, Buffer.from(body));
      return door.people.heard(codeOf(answer));
    },
    faults: () => door.faults(),
    close: () => door.close(),
  };
}

function pathOf(random: SeededRandom, { template }: Route, words: Vocabulary): string {
  if (random.chance(0.02)) return random.pick(PAGES) ?? "/";
  const names = words("name");
  const path = template.replace(VARIABLE, (_, field: string, pattern: string | undefined) => {
    if (random.chance(0.03)) return encoded(anyText(random));
    const expected = new RegExp(`^${(pattern ?? "*").replaceAll("*", "[^/]+")}$`, "u");
    const fits = [...words(field), ...names].filter((name) => expected.test(name));
    return random.pick(fits) ?? "users/ana";
  });
  const changed = random.chance(0.05) ? changeText(random, path) : path;
  // What may stand in a path at all: the client refuses to send anything else.
  return `/${changed.replaceAll(/[^\x21-\x7e]/gu, "").replace(/^\//u, "")}`;
}

/** What is in the path may not be in the body as well. */
function withoutVariables(json: JsonValue, { template }: Route): JsonValue {
  const copy = structuredClone(json);
  for (const [, variable = ""] of template.matchAll(VARIABLE)) {
    const names = camelCase(variable).split(".");
    const last = names.pop() ?? "";
    let inner: JsonValue | undefined = copy;
    for (const name of names) inner = isObject(inner) ? inner[name] : undefined;
    if (isObject(inner)) Reflect.deleteProperty(inner, last);
  }
  return copy;
}

function queryOf(random: SeededRandom, { body }: Route, json: JsonValue): string {
  if (body === "*" && random.chance(0.95)) return "";
  const query = Object.entries(isObject(json) ? json : {})
    .filter(([name, value]) => (name !== camelCase(body) && !isObject(value)) || random.chance(0.1))
    .filter(() => random.chance(0.6))
    .map(([name, value]) => {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      const said = random.chance(0.1) ? anyText(random) : text;
      return `${encoded(name)}=${encoded(said)}`;
    });
  return query.length === 0 ? "" : `?${query.join("&")}`.slice(0, 2000);
}

function bodyOf(random: SeededRandom, { body }: Route, json: JsonValue): string {
  const value =
    body === "*" || body === "" || !isObject(json) ? json : (json[camelCase(body)] ?? {});
  return random.chance(0.5) ? JSON.stringify(value) : changeJson(random, value);
}

const isObject = (json: JsonValue | undefined): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json);

const camelCase = (name: string): string =>
  name.replace(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase());

/** Half of a surrogate pair has no encoding: what stands for it has. */
const encoded = (text: string): string => encodeURIComponent(Buffer.from(text).toString());
