import { expect } from "chai";
import { importJWK, SignJWT } from "jose";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { GroupService } from "../../gen/cabildo/v1/groups_pb.js";
import { UserService } from "../../gen/cabildo/v1/users_pb.js";
import { BOOTSTRAP, eventInit, GatewayBench, PASSWORD } from "../gateway/support.js";
import { codeByPolicy, hearsByPolicy, sightByPolicy } from "./support/asked-of-policy.js";
import { EVERYONE, SCENES, stage } from "./support/cast.js";
import type { Scene, Staged, Who } from "./support/cast.js";
import { EveryDoor } from "./support/every-door.js";
import { ABOUT, ABSENT, bindingOf, fill, METHODS } from "./support/methods.js";
import type { Objects } from "./support/methods.js";
import { wholeRequest } from "./support/whole-requests.js";

const CHANNELS = ["calendars", "users", "groups"] as const;
/** Of the owner, and of others who see something. */
const SHOWN_MIN = { "the owner": 11, "an administrator": 3 } as const;

describe("the rights at the doors", function () {
  this.timeout(180_000);
  let bench: GatewayBench;
  let doors: EveryDoor;
  let objects: Objects;
  /** Tokens that nobody must be let in with, by what is wrong with them. */
  const bad = new Map<string, string | undefined>();
  /** Who has nothing to do with the objects, by their role in the cluster. */
  const strangers = new Map<string, string>();
  /** Who may see some of them or all. */
  const insiders = new Map<keyof typeof SHOWN_MIN, string>();

  before(async () => {
    bench = await GatewayBench.open();
    const ana = await bench.person("ana");
    const expired = ana.accessToken;
    bench.clock.aheadMs += 10 * 60_000;
    const login = { userId: "ana", password: PASSWORD };
    const again = await bench.call(AuthService.method.login, login);
    const ended = await bench.call(AuthService.method.login, login);
    await bench.call(AuthService.method.logout, {}, ended.accessToken);
    const root = await administrator(bench);
    bad.set("a token whose user was disabled", await disabled(bench, root));
    bad.set("a token with a role that was taken away", await dismissed(bench, root));
    // A gateway believes what it knows of a session for so long.
    bench.clock.aheadMs += 5_000;
    const group = { groupId: "choir", group: { displayName: "Choir" } };
    await bench.call(GroupService.method.createGroup, group, again.accessToken);
    const event = await bench.call(
      EventService.method.createEvent,
      { parent: "calendars/ana", event: eventInit() },
      again.accessToken,
    );
    objects = {
      ...ABSENT,
      user: "ana",
      calendar: "ana",
      group: "choir",
      event: event.name.split("/").at(-1) ?? "",
      session: again.session.split("/").at(-1) ?? "",
    };
    insiders.set("the owner", again.accessToken).set("an administrator", root);
    strangers.set("somebody", (await bench.person("eve")).accessToken);
    strangers.set("an auditor", await holder(bench, root, "auditor"));
    strangers.set("an operator", await holder(bench, root, "operator"));
    bad.set("no token", undefined);
    bad.set("no token of ours", "a.b.c");
    bad.set("an expired token", expired);
    bad.set("a token of an ended session", ended.accessToken);
    bad.set("a token for another service", await tokenForAnother(bench));
    doors = await EveryDoor.open(bench);
  });
  after(async () => {
    await doors.close();
    bench.gateway.close();
  });

  it("cover what there is", () => {
    expect(METHODS.length).at.least(40);
    expect(ABOUT.length).at.least(30);
  });

  it("let nobody call anything by any way whose token is not good", async () => {
    for (const method of METHODS) {
      const binding = bindingOf(method);
      if (binding === undefined) continue;
      const ways = doors.calls(method, binding, fill(method, binding, objects));
      for (const [what, token] of bad) {
        const answers = await Promise.all(ways.map(({ ask }) => ask(token)));
        for (const [i, { code }] of answers.entries()) {
          const which = `${method.name} by ${ways[i]?.name ?? ""} with ${what}`;
          expect(code, which).equals("UNAUTHENTICATED");
        }
      }
    }
  });

  it("let nobody hear anything by any way whose token is not good", async () => {
    for (const { name, ask } of CHANNELS.flatMap((kind) => doors.streams(nameOf(kind, objects)))) {
      for (const [what, token] of bad) {
        expect((await ask(token)).code, `${name} with ${what}`).equals("UNAUTHENTICATED");
      }
    }
  });

  it("tell strangers of any role the same of what is another's and of what there is not", async () => {
    const refused = new Set<string>();
    for (const [who, token] of strangers) {
      for (const { method, binding } of ABOUT) {
        const codes = new Set<string>();
        const words: string[][] = [];
        for (const of of [objects, ABSENT]) {
          const ways = doors.calls(method, binding, fill(method, binding, of));
          const heard: string[] = [];
          for (const { ask } of ways) {
            const said = await ask(token);
            codes.add(said.code);
            heard.push(withoutIds(said.words, of));
          }
          words.push(heard);
        }
        // Whether there is a user is no secret: names and display names are everyone's.
        if (method.name === "GetUser") continue;
        expect([...codes], `${method.name} by ${who}`).to.have.length(1);
        expect(words[0], `${method.name} by ${who}`).to.deep.equal(words[1]);
        const [code = ""] = codes;
        if (code === "NOT_FOUND" || code === "PERMISSION_DENIED") refused.add(method.name);
      }
    }
    expect(refused.size, [...refused].join(" ")).at.least(20);
  });

  it("let no stranger hear what is another's, nor whether there is anything", async () => {
    for (const [who, token] of strangers) {
      for (const channel of CHANNELS.flatMap((kind) =>
        [objects, ABSENT].map((of) => nameOf(kind, of)),
      )) {
        for (const { name, ask } of doors.streams(channel)) {
          const { code } = await ask(token);
          expect(code, `${channel} for ${who} by ${name}`).equals("NOT_FOUND");
        }
      }
    }
  });

  it("show those who may see something the same by every way", async () => {
    for (const [who, token] of insiders) {
      const shown = new Set<string>();
      for (const { method, binding } of ABOUT.filter((about) => about.binding.verb === "GET")) {
        for (const of of [objects, ABSENT]) {
          const codes = new Set<string>();
          const ways = doors.calls(method, binding, fill(method, binding, of));
          for (const { ask } of ways) codes.add((await ask(token)).code);
          expect([...codes], `${method.name} by ${who}`).to.have.length(1);
          if (of === objects && codes.has("OK")) shown.add(method.name);
        }
      }
      expect(shown.size, `${who}: ${[...shown].join(" ")}`).at.least(SHOWN_MIN[who]);
    }
  });

  it("let an owner hear all that is the owner's by every way", async () => {
    const token = insiders.get("the owner");
    for (const { name, ask } of CHANNELS.flatMap((kind) => doors.streams(nameOf(kind, objects)))) {
      expect((await ask(token)).code, name).equals("OK");
    }
  });

  it("tell who is no operator that there are no commands of operators, whoever is asked about", async () => {
    const others = [
      ["the owner", insiders.get("the owner")],
      ["somebody", strangers.get("somebody")],
      ["an auditor", strangers.get("an auditor")],
    ] as const;
    for (const [who, token] of others) {
      const nothing = await doors.noCommand.ask(token);
      expect(nothing.code, who).equals("UNIMPLEMENTED");
      for (const { name, ask } of [objects.user, ABSENT.user].flatMap((user) => doors.aids(user))) {
        expect(await ask(token), `${name} by ${who}`).to.deep.equal(nothing);
      }
    }
  });

  it("let operators and administrators look at what is others', and nobody whose token is not good", async () => {
    const operators = [strangers.get("an operator"), insiders.get("an administrator")];
    for (const { name, ask } of doors.aids(objects.user)) {
      for (const token of operators) expect((await ask(token)).code, name).equals("OK");
      for (const [what, token] of bad) {
        expect((await ask(token)).code, `${name} with ${what}`).equals("UNAUTHENTICATED");
      }
    }
  });

  it("were asked for by every way", () => {
    expect(doors.asked).at.least(3_000);
  });
});

/** A second opinion, written by hand, of what matters most: about ana's calendar and event, and the group. */
const BY_HAND: readonly (readonly [Who, string, Scene, string])[] = [
  ["a reader", "ListEvents", "ana's calendar", "OK"],
  ["a reader", "UpdateCalendar", "ana's calendar", "PERMISSION_DENIED"],
  ["a reader", "AddReader", "ana's calendar", "PERMISSION_DENIED"],
  ["a reader", "CreateEvent", "ana's calendar", "PERMISSION_DENIED"],
  ["a reader", "GetGroup", "ana's calendar", "NOT_FOUND"],
  ["an attendee", "GetEvent", "ana's calendar", "OK"],
  ["an attendee", "UpdateEvent", "ana's calendar", "NOT_FOUND"],
  ["an attendee", "ListEvents", "ana's calendar", "NOT_FOUND"],
  ["an attendee", "SyncEvents", "ana's calendar", "NOT_FOUND"],
  ["a superior", "GetEvent", "ana's calendar", "OK"],
  ["a superior", "UpdateEvent", "ana's calendar", "PERMISSION_DENIED"],
  ["a superior", "SyncEvents", "ana's calendar", "NOT_FOUND"],
  ["a superior", "UpdateMember", "ana's calendar", "PERMISSION_DENIED"],
  ["the leader", "DeleteGroup", "ana's calendar", "OK"],
  ["the leader", "UpdateUser", "ana's calendar", "NOT_FOUND"],
  ["a deputy", "CreateInvitation", "ana's calendar", "OK"],
  ["a deputy", "RemoveMember", "ana's calendar", "OK"],
  ["a deputy", "DeleteGroup", "ana's calendar", "PERMISSION_DENIED"],
  ["a deputy", "TransferLeadership", "ana's calendar", "PERMISSION_DENIED"],
  ["a member", "ListMembers", "ana's calendar", "OK"],
  ["a member", "AddMember", "ana's calendar", "PERMISSION_DENIED"],
  ["a member", "CreateEvent", "the group's calendar", "OK"],
  ["a member", "UpdateCalendar", "the group's calendar", "PERMISSION_DENIED"],
  ["an observer", "GetGroup", "ana's calendar", "OK"],
  ["an observer", "UpdateGroup", "ana's calendar", "PERMISSION_DENIED"],
  ["an observer", "CreateInvitation", "ana's calendar", "PERMISSION_DENIED"],
  ["an observer", "ListEvents", "the group's calendar", "OK"],
  ["an observer", "CreateEvent", "the group's calendar", "PERMISSION_DENIED"],
  ["an observer", "DeleteEvent", "the group's calendar", "PERMISSION_DENIED"],
  ["a member", "DeleteEvent", "the group's calendar", "OK"],
  ["a deputy", "DeleteEvent", "the group's calendar", "OK"],
  ["a superior", "DeleteEvent", "the group's calendar", "PERMISSION_DENIED"],
  ["somebody invited", "AcceptInvitation", "ana's calendar", "OK"],
  ["somebody invited", "ListMembers", "ana's calendar", "NOT_FOUND"],
  ["the leader", "AcceptInvitation", "ana's calendar", "NOT_FOUND"],
  ["an administrator", "DisableUser", "ana's calendar", "OK"],
  ["an administrator", "GetEvent", "ana's calendar", "NOT_FOUND"],
  ["an administrator", "ListAuditEntries", "ana's calendar", "OK"],
  ["a stranger", "ListAuditEntries", "ana's calendar", "PERMISSION_DENIED"],
];
/** Methods that show the event: what of it, says the table of privacy. */
const SHOWING: ReadonlySet<string> = new Set(["GetEvent", "BatchGetEvents"]);

describe("what somebody is to something, at the doors", function () {
  this.timeout(180_000);
  let bench: GatewayBench;
  let doors: EveryDoor;
  let staged: Staged;
  let writtenBefore = 0;
  /** What every door said, by who, method and scene. */
  const said = new Map<string, string>();

  before(async () => {
    bench = await GatewayBench.open();
    staged = await stage(bench);
    doors = await EveryDoor.open(bench);
    writtenBefore = written(bench);
  });
  after(async () => {
    await doors.close();
    bench.gateway.close();
  });

  for (const who of EVERYONE) {
    it(`decides alike over every way, and as the one table says: ${who}`, async () => {
      const token = staged.tokens.get(who);
      for (const scene of SCENES) {
        const objects = staged.objects[scene];
        for (const { method, binding } of ABOUT) {
          if (scene !== "ana's calendar" && !binding.template.includes("calendars/")) continue;
          const isTried = binding.verb !== "GET" ? { validateOnly: true } : {};
          const more = wholeRequest(method.name, objects, staged.position[scene]);
          const filled = fill(method, binding, objects, { ...more, ...isTried });
          const ways = doors.calls(method, binding, filled);
          const answers = await Promise.all(ways.map(({ ask }) => ask(token)));
          const which = `${method.name} of ${scene} by ${who}`;
          const [first] = answers;
          for (const [i, answer] of answers.entries()) {
            expect(answer, `${which} by ${ways[i]?.name ?? ""}`).to.deep.equal(first);
          }
          const byPolicy = codeByPolicy(method, binding, who, scene);
          expect(first?.code, `${which}: ${first?.words ?? ""}`).equals(byPolicy);
          if (byPolicy === "OK" && SHOWING.has(method.name)) {
            const details = sightByPolicy(who, scene) === "details";
            expect(first?.shape.includes(",title,"), `${which} tells more`).equals(details);
          }
          said.set(`${who}: ${method.name} of ${scene}`, first?.code ?? "");
        }
      }
    });
  }

  it("lets hear whom the one table lets, by every way", async () => {
    for (const who of EVERYONE) {
      for (const scene of SCENES) {
        for (const kind of CHANNELS) {
          if (scene !== "ana's calendar" && kind !== "calendars") continue;
          const channel = nameOf(kind, staged.objects[scene]);
          const expected = hearsByPolicy(kind, who, scene);
          for (const { name, ask } of doors.streams(channel)) {
            const { code } = await ask(staged.tokens.get(who));
            expect(code, `${channel} for ${who} by ${name}`).equals(expected);
          }
        }
      }
    }
  });

  it("agrees with what was written down by hand", () => {
    for (const [who, method, scene, code] of BY_HAND) {
      const which = `${who}: ${method} of ${scene}`;
      expect(said.get(which), which).equals(code);
    }
    const strangers = [...said].filter(([which]) => which.startsWith("a stranger: "));
    const seen = strangers.filter(([, code]) => code !== "NOT_FOUND");
    // Names are everyone's, and that there are administrators and auditors is a secret to nobody.
    expect(seen.map(([which]) => which.split(" ")[2])).to.have.members([
      ...["ListAuditEntries", "ListAuditCheckpoints", "GetUser"],
      ...["DisableUser", "EnableUser", "UndeleteUser", "SetClusterRoles"],
    ]);
  });

  it("wrote nothing while it was asked", () => {
    expect(written(bench)).equals(writtenBefore);
    console.log(`      ${said.size} decisions, asked for ${doors.asked} times`);
    expect(said.size).at.least(780);
    expect(doors.asked).at.least(4_800);
  });
});

/** But for the audit trail, which is told of refusals in its own time. */
const written = ({ shards }: GatewayBench): number =>
  shards.commands.filter(({ operation }) => operation.kind !== "record-audit").length;

const nameOf = (kind: (typeof CHANNELS)[number], objects: Objects): string =>
  `${kind}/${{ calendars: objects.calendar, users: objects.user, groups: objects.group }[kind]}`;

/** Words that name the object, without saying which it is. */
function withoutIds(words: string, { user, group, event, session }: Objects): string {
  const ids = {
    users: user,
    calendars: user,
    members: user,
    groups: group,
    events: event,
    session,
  };
  return Object.entries(ids).reduce(
    (text, [kind, id]) => text.replaceAll(`/${id}`, `/{${kind}}`),
    words,
  );
}

async function administrator(bench: GatewayBench): Promise<string> {
  const credentials = { userId: "root", password: PASSWORD };
  const { register, login } = AuthService.method;
  await bench.call(register, { ...credentials, bootstrapCredential: BOOTSTRAP });
  return (await bench.call(login, credentials)).accessToken;
}

/** Somebody with a role in the cluster. */
async function holder(
  bench: GatewayBench,
  root: string,
  role: string,
  userId = role,
): Promise<string> {
  await bench.person(userId);
  const roles = { name: `users/${userId}`, clusterRoles: [role] };
  await bench.call(UserService.method.setClusterRoles, roles, root);
  const login = { userId, password: PASSWORD };
  return (await bench.call(AuthService.method.login, login)).accessToken;
}

/** Whose token would be good for minutes. */
async function disabled(bench: GatewayBench, root: string): Promise<string> {
  const { accessToken } = await bench.person("dan");
  await bench.call(UserService.method.disableUser, { name: "users/dan" }, root);
  return accessToken;
}

/** Whose token says more than is true. */
async function dismissed(bench: GatewayBench, root: string): Promise<string> {
  const accessToken = await holder(bench, root, "operator", "olaf");
  const roles = { name: "users/olaf", clusterRoles: [] };
  await bench.call(UserService.method.setClusterRoles, roles, root);
  return accessToken;
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
