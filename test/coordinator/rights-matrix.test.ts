import { create, getOption, hasOption, toJson } from "@bufbuild/protobuf";
import type { DescMethodUnary, JsonValue, Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import { importJWK, SignJWT } from "jose";
import { Audience, authorization } from "../../gen/cabildo/v1/options_pb.js";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { GroupService } from "../../gen/cabildo/v1/groups_pb.js";
import { http } from "../../gen/google/api/annotations_pb.js";
import { PUBLIC_SERVICES } from "../../src/gateway/index.js";
import { eventInit, GatewayBench, PASSWORD } from "../gateway/support.js";
import { openDoor, type Door } from "./support/door.js";

const PROTOCOLS = [
  "gRPC",
  "gRPC-Web over HTTP/2",
  "Connect in JSON over HTTP/2",
  "Connect in protobuf over HTTP/2",
  "REST",
] as const;
type Protocol = (typeof PROTOCOLS)[number];

/** Whose the objects of a call are. */
interface Objects {
  readonly user: string;
  readonly group: string;
  readonly event: string;
  readonly session: string;
}

const ABSENT: Objects = {
  user: "nobody",
  group: "nowhere",
  event: `e${"0".repeat(26)}`,
  session: "none",
};
const INVITATION = `i${"0".repeat(26)}`;

interface Binding {
  readonly verb: string;
  readonly template: string;
  readonly body: string;
}

function bindingOf(method: DescMethodUnary): Binding | undefined {
  if (!hasOption(method, http)) return undefined;
  const { pattern, body } = getOption(method, http);
  if (pattern.case === undefined || typeof pattern.value !== "string") return undefined;
  return { verb: pattern.case.toUpperCase(), template: pattern.value, body };
}

const VARIABLE = /\{([a-z_.]+)(?:=([^}]+))?\}/gu;

/** What a template's variable is filled with, such as `calendars/ana/events/e1` for `calendars/*\/events/*`. */
function nameOf(pattern: string | undefined, objects: Objects): string {
  if (pattern === undefined) return "users";
  const { user, group, event, session } = objects;
  const ids: Readonly<Record<string, string>> = {
    users: user,
    calendars: user,
    groups: group,
    events: event,
    sessions: session,
    members: user,
    invitations: INVITATION,
    notifications: `n${"0".repeat(26)}`,
  };
  const parts = pattern.split("/");
  return parts.map((part, i) => (part === "*" ? (ids[parts[i - 1] ?? ""] ?? "x") : part)).join("/");
}

interface Filled {
  readonly request: Message;
  readonly path: string;
}

function fill(method: DescMethodUnary, { template }: Binding, objects: Objects): Filled {
  const init: Record<string, unknown> = {};
  const path = template.replace(VARIABLE, (_, field: string, pattern: string | undefined) => {
    const name = nameOf(pattern, objects);
    const [first = "", second] = field.split(".");
    const localName = method.input.field[first]?.localName ?? camel(first);
    init[localName] = second === undefined ? name : { [camel(second)]: name, title: "x" };
    return name;
  });
  return { request: create(method.input, init as never), path };
}

const camel = (name: string): string =>
  name.replace(/_([a-z])/gu, (_, letter: string) => letter.toUpperCase());

function isUnary(method: { readonly methodKind: string }): method is DescMethodUnary {
  return method.methodKind === "unary";
}

const METHODS = PUBLIC_SERVICES.flatMap(({ methods }) => methods)
  .filter(isUnary)
  .filter((method) => {
    const { audience } = getOption(method, authorization);
    return audience === Audience.USER || audience === Audience.AUDITOR;
  });
/** Those that are about something: the caller's relation to it decides. */
const ABOUT = METHODS.flatMap((method) => {
  const binding = bindingOf(method);
  return binding?.template.includes("{") === true ? [{ method, binding }] : [];
});

describe("the rights at a coordinator", function () {
  this.timeout(180_000);
  let bench: GatewayBench;
  let door: Door;
  let objects: Objects;
  /** Tokens that nobody must be let in with, by what is wrong with them. */
  const bad = new Map<string, string | undefined>();
  let outsider: string;

  before(async () => {
    bench = await GatewayBench.open();
    const ana = await bench.person("ana");
    const expired = ana.accessToken;
    bench.clock.aheadMs += 10 * 60_000;
    const login = { userId: "ana", password: PASSWORD };
    const again = await bench.call(AuthService.method.login, login);
    const ended = await bench.call(AuthService.method.login, login);
    await bench.call(AuthService.method.logout, {}, ended.accessToken);
    const group = { groupId: "choir", group: { displayName: "Choir" } };
    await bench.call(GroupService.method.createGroup, group, again.accessToken);
    const event = await bench.call(
      EventService.method.createEvent,
      { parent: "calendars/ana", event: eventInit() },
      again.accessToken,
    );
    objects = {
      user: "ana",
      group: "choir",
      event: event.name.split("/").at(-1) ?? "",
      session: again.session.split("/").at(-1) ?? "",
    };
    outsider = (await bench.person("eve")).accessToken;
    bad.set("no token", undefined);
    bad.set("no token of ours", "a.b.c");
    bad.set("an expired token", expired);
    bad.set("a token of an ended session", ended.accessToken);
    bad.set("a token for another service", await tokenForAnother(bench));
    door = await openDoor({ gateway: bench.gateway, clock: bench.clock });
  });
  after(async () => {
    await door.close();
    bench.gateway.close();
  });

  async function codeOf(
    protocol: Protocol,
    method: DescMethodUnary,
    binding: Binding,
    { request, path }: Filled,
    token: string | undefined,
  ): Promise<string> {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    if (protocol === "REST") return await restCode(door, method, binding, request, path, headers);
    const transport = door.transports[protocol];
    if (transport === undefined) throw new Error(`no client for ${protocol}`);
    try {
      await transport.unary(method, undefined, 20_000, headers, request);
      return "OK";
    } catch (cause) {
      return codeName(ConnectError.from(cause).code);
    }
  }

  it("cover what there is", () => {
    expect(METHODS.length).at.least(40);
    expect(ABOUT.length).at.least(30);
  });

  for (const protocol of PROTOCOLS) {
    it(`let nobody in over ${protocol} whose token is not good`, async () => {
      for (const method of METHODS) {
        const binding = bindingOf(method);
        if (binding === undefined) continue;
        const filled = fill(method, binding, objects);
        for (const [what, token] of bad) {
          const code = await codeOf(protocol, method, binding, filled, token);
          expect(code, `${method.name} with ${what}`).equals("UNAUTHENTICATED");
        }
      }
    });
  }

  it("tell an outsider the same of what is another's and of what there is not, over every protocol", async () => {
    const refused = new Set<string>();
    for (const { method, binding } of ABOUT) {
      const codes = new Set<string>();
      for (const protocol of PROTOCOLS) {
        for (const of of [objects, ABSENT]) {
          const filled = fill(method, binding, of);
          codes.add(await codeOf(protocol, method, binding, filled, outsider));
        }
      }
      // Whether there is a user is no secret: names and display names are everyone's.
      if (method.name === "GetUser") continue;
      expect([...codes], method.name).to.have.length(1);
      const [code = ""] = codes;
      if (code === "NOT_FOUND" || code === "PERMISSION_DENIED") refused.add(method.name);
    }
    expect(refused.size, [...refused].join(" ")).at.least(20);
  });
});

async function restCode(
  door: Door,
  method: DescMethodUnary,
  { verb, body }: Binding,
  request: Message,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<string> {
  const json = toJson(method.input, request) as Readonly<Record<string, JsonValue>>;
  const sent = body === "*" ? {} : (json[camel(body)] ?? {});
  const text = body === "" ? "" : JSON.stringify(sent);
  const type = body === "" ? {} : { "content-type": "application/json" };
  const answer = await door.send(verb, path, { ...headers, ...type }, text);
  if (answer.status < 400) return "OK";
  const { error } = JSON.parse(answer.text) as { readonly error: { readonly status: string } };
  return error.status;
}

function codeName(code: Code): string {
  return Code[code].replace(/(?<=[a-z])(?=[A-Z])/gu, "_").toUpperCase();
}

/** Signed by the cluster, but not for its API. */
async function tokenForAnother({ shards, clock }: GatewayBench): Promise<string> {
  const system = shards.rangeMap.shards.find(({ name }) => name === "system");
  const query = { caller: { kind: "system" }, question: { kind: "get-cluster-keys" } } as const;
  const { reply } = await shards.read(system?.number ?? 0, query, { timeoutMs: 1000 });
  if (reply.kind !== "answered" || reply.answer.kind !== "cluster-keys") throw new Error("no keys");
  const { id, jwk } = reply.answer.keys.current;
  const now = Math.floor(clock.wallMs() / 1000);
  return await new SignJWT({ sid: "s", roles: ["admin"] })
    .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: id })
    .setIssuer("cabildo://01test")
    .setAudience("cabildo-admin")
    .setSubject("ana")
    .setJti("j")
    .setIssuedAt(now)
    .setNotBefore(now)
    .setExpirationTime(now + 60)
    .sign(await importJWK(JSON.parse(jwk) as object, "EdDSA"));
}
