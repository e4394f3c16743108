import { createHash } from "node:crypto";
import { create, fromJsonString, toJson } from "@bufbuild/protobuf";
import type {
  DescMessage,
  DescMethodUnary,
  JsonValue,
  Message,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { CalendarService } from "../../gen/cabildo/v1/calendars_pb.js";
import { EventService, Response } from "../../gen/cabildo/v1/events_pb.js";
import { GroupKind, GroupService, MemberRole } from "../../gen/cabildo/v1/groups_pb.js";
import { NotificationService } from "../../gen/cabildo/v1/notifications_pb.js";
import { SubscriptionService } from "../../gen/cabildo/v1/subscriptions_pb.js";
import { UserService } from "../../gen/cabildo/v1/users_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { Passwords, sha256Hex } from "../../src/auth/index.js";
import { ClusterError, ERRORS } from "../../src/base/index.js";
import type { Command } from "../../src/domain/index.js";
import { createGateway, PUBLIC_SERVICES, type RunningGateway } from "../../src/gateway/index.js";
import { findShard, type ShardNumber } from "../../src/placement/index.js";
import type { CallOptions } from "../../src/shards/index.js";
import { BOOTSTRAP, eventInit, PASSWORD, TestClock } from "../gateway/support.js";
import { MemoryShards } from "../support/memory-shards.js";
import { openDoor, type Door } from "./support/door.js";
import { overRest } from "./support/over-rest.js";

const NOW_MS = Date.UTC(2030, 0, 1);
const CALL_MS = 20_000;
const RESET_CODE = "a code that an operator gave";
const PROTOCOLS = [
  "gRPC",
  "gRPC-Web over HTTP/1.1",
  "Connect in JSON over HTTP/1.1",
  "Connect in protobuf over HTTP/2",
];
/** Made by chance where no test has a say. */
const BY_CHANCE = ["accessToken", "refreshToken", "refreshHash", "presentedHash", "nextHash"];

class StillClock extends TestClock {
  override wallMs = (): number => NOW_MS;
}

/** Quick, and without salt. */
class PlainPasswords extends Passwords {
  override async hash(password: string): Promise<string> {
    return sha256Hex(password);
  }
  override async verify(password: string, stored: string | undefined): Promise<boolean> {
    return stored === sha256Hex(password);
  }
}

interface Executed {
  readonly shard: ShardNumber;
  readonly command: Command;
}

class RecordedShards extends MemoryShards {
  readonly executed: Executed[] = [];

  override async execute(shard: ShardNumber, command: Command, options: CallOptions) {
    this.executed.push({ shard, command });
    return await super.execute(shard, command, options);
  }
}

interface World {
  readonly shards: RecordedShards;
  readonly gateway: RunningGateway;
}

/** What comes after these commands. The same calls make the same of it: no time passes, and ids follow one another. */
async function openWorld(commands: readonly Executed[]): Promise<World> {
  const clock = new StillClock();
  const shards = new RecordedShards();
  shards.wallMs = clock.wallMs;
  for (const { shard, command } of commands) {
    await shards.execute(shard, command, { timeoutMs: CALL_MS });
  }
  let drawn = 0;
  const gateway = createGateway({
    shards,
    clusterId: "01test",
    clock,
    bootstrapHash: sha256Hex(BOOTSTRAP),
    passwords: new PlainPasswords(),
    randomBytes: (count) =>
      createHash("sha512").update(`${commands.length} ${drawn++}`).digest().subarray(0, count),
  });
  await gateway.ready();
  return { shards, gateway };
}

type Outcome = { readonly message: Message } | { readonly reason: string };
type Ask = (
  method: DescMethodUnary,
  request: Message,
  headers: Readonly<Record<string, string>>,
) => Promise<Outcome>;

/** Everything that is said and heard, in order. */
class Conversation {
  readonly heard: { readonly method: string; readonly answer: JsonValue }[] = [];
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  async say<Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    init: MessageInitShape<Input>,
    token?: string,
  ): Promise<MessageShape<Output>> {
    const outcome = await this.#hear(method, init, token);
    if ("reason" in outcome) throw new Error(`${method.name}: ${outcome.reason}`);
    return outcome.message as MessageShape<Output>;
  }

  async refused<Input extends DescMessage>(
    method: DescMethodUnary<Input>,
    init: MessageInitShape<Input>,
    token: string,
    reason: string,
  ): Promise<void> {
    expect(await this.#hear(method, init, token)).to.deep.equal({ reason });
  }

  async #hear<Input extends DescMessage>(
    method: DescMethodUnary<Input>,
    init: MessageInitShape<Input>,
    token: string | undefined,
  ): Promise<Outcome> {
    const requestId = method.input.field["requestId"] === undefined ? {} : { requestId: this.#id };
    const request = create(method.input, { ...init, ...requestId });
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const outcome = await this.#ask(method, request, headers);
    const answer =
      "reason" in outcome ? outcome.reason : toJson(method.output, outcome.message as never);
    this.heard.push({ method: method.name, answer });
    return outcome;
  }

  get #id(): string {
    return `request-${this.heard.length}`;
  }
}

interface Tokens {
  readonly root: string;
  readonly ana: string;
  readonly zoe: string;
  readonly eva: string;
}

/** Every method that changes something, and some changes that are refused. */
async function keepAgenda(talk: Conversation, { root, ana, zoe, eva }: Tokens): Promise<void> {
  const events = EventService.method;
  const parent = "calendars/ana";
  const attendees = [{ user: "users/zoe" }];
  const event = await talk.say(
    events.createEvent,
    { parent, event: eventInit({ title: "Ensayo, ñandú", attendees, labels: { "a b": "12 é" } }) },
    ana,
  );
  const { name, etag } = event;
  await talk.refused(events.createEvent, { parent, event: { title: "" } }, ana, "INVALID_ARGUMENT");
  const tried = { parent, event: eventInit({ title: "Tried" }), validateOnly: true };
  await talk.say(events.createEvent, tried, ana);
  const change = { event: { name, etag, title: "Otro", description: "50 % & más" } };
  const updateMask = { paths: ["title", "description"] };
  await talk.say(events.updateEvent, { ...change, updateMask }, ana);
  await talk.refused(events.updateEvent, { ...change, updateMask }, ana, "STALE_ETAG");
  const answer = { response: Response.ACCEPTED, comment: "Voy" };
  await talk.say(events.respondEvent, { name, ...answer }, zoe);
  const deleted = await talk.say(events.deleteEvent, { name }, ana);
  await talk.say(events.undeleteEvent, { name }, ana);
  await talk.refused(events.cancelEvent, { name, etag: deleted.etag }, ana, "STALE_ETAG");
  await talk.say(events.cancelEvent, { name }, ana);
  const { events: batch } = await talk.say(
    events.batchCreateEvents,
    {
      parent,
      requests: [
        { parent, event: eventInit({ title: "One" }) },
        { event: eventInit({ title: "Two" }) },
      ],
    },
    ana,
  );
  const names = batch.map((one) => one.name);
  await talk.say(events.batchDeleteEvents, { parent, names }, ana);
  await talk.say(events.importEvents, { parent, icalendar: FILE }, ana);

  const calendars = CalendarService.method;
  const made = await talk.say(
    calendars.createCalendar,
    { calendarId: "ana.work", calendar: { displayName: "Work" } },
    ana,
  );
  const calendar = { name: made.name, etag: made.etag, displayName: "Trabajo" };
  await talk.say(
    calendars.updateCalendar,
    { calendar, updateMask: { paths: ["display_name"] } },
    ana,
  );
  const reader = { calendar: made.name, reader: "users/zoe" };
  await talk.say(calendars.addReader, reader, ana);
  await talk.say(calendars.removeReader, reader, ana);
  await talk.say(calendars.deleteCalendar, { name: made.name }, ana);

  const groups = GroupService.method;
  const choir = await talk.say(
    groups.createGroup,
    { groupId: "choir", group: { displayName: "Choir", kind: GroupKind.HIERARCHICAL } },
    ana,
  );
  const group = { name: choir.name, etag: choir.etag, displayName: "Coro" };
  await talk.say(groups.updateGroup, { group, updateMask: { paths: ["display_name"] } }, ana);
  const of = { parent: choir.name };
  const invite = async () =>
    await talk.say(
      groups.createInvitation,
      { ...of, invitation: { invitee: "users/zoe", role: MemberRole.MEMBER, rank: 5 } },
      ana,
    );
  await talk.say(groups.revokeInvitation, { name: (await invite()).name }, ana);
  await talk.say(groups.declineInvitation, { name: (await invite()).name }, zoe);
  await talk.say(groups.acceptInvitation, { name: (await invite()).name }, zoe);
  await talk.say(groups.leaveGroup, { name: choir.name }, zoe);
  const member = await talk.say(
    groups.addMember,
    { ...of, member: { user: "users/eva", role: MemberRole.MEMBER } },
    ana,
  );
  const higher = { name: member.name, etag: member.etag, rank: 7, role: MemberRole.DEPUTY };
  await talk.say(
    groups.updateMember,
    { member: higher, updateMask: { paths: ["rank", "role"] } },
    ana,
  );
  await talk.say(groups.transferLeadership, { name: choir.name, successor: "users/eva" }, ana);
  await talk.say(groups.removeMember, { name: `${choir.name}/members/ana` }, eva);
  await talk.say(groups.deleteGroup, { name: choir.name }, eva);
  await talk.say(groups.undeleteGroup, { name: choir.name }, eva);

  const told = NotificationService.method;
  const { notifications } = await talk.say(told.listNotifications, { parent: "users/zoe" }, zoe);
  await talk.say(told.markNotificationRead, { name: notifications[0]?.name ?? "" }, zoe);
  await talk.say(told.markAllNotificationsRead, { parent: "users/zoe" }, zoe);
  const subscriptions = { name: "users/zoe/subscriptions", channels: ["calendars/zoe"] };
  await talk.say(SubscriptionService.method.updateSubscriptions, { subscriptions }, zoe);

  const users = UserService.method;
  const user = { name: "users/zoe", displayName: "Zoë" };
  await talk.say(users.updateUser, { user, updateMask: { paths: ["display_name"] } }, zoe);
  const auditor = { name: "users/zoe", clusterRoles: ["auditor"] };
  await talk.say(users.setClusterRoles, auditor, root);

  const auth = AuthService.method;
  await talk.say(auth.register, { userId: "leo", password: PASSWORD, displayName: "León" });
  const leo = { userId: "leo", password: PASSWORD, client: "a test" };
  const first = await talk.say(auth.login, leo);
  const second = await talk.say(auth.login, leo);
  const { refreshToken } = second;
  const { accessToken } = await talk.say(auth.refresh, { refreshToken });
  await talk.say(users.revokeSession, { name: first.session }, accessToken);
  const passwords = { currentPassword: PASSWORD, newPassword: `${PASSWORD}, another` };
  await talk.say(auth.changePassword, passwords, accessToken);
  await talk.say(auth.logout, {}, accessToken);
  const reset = { userId: "eva", resetCode: RESET_CODE, newPassword: PASSWORD };
  await talk.say(auth.resetPassword, reset);

  const disabled = await talk.say(users.disableUser, { name: "users/leo" }, root);
  await talk.say(users.enableUser, { name: "users/leo", etag: disabled.etag }, root);
  await talk.say(users.deleteUser, { name: "users/leo" }, root);
  await talk.say(users.undeleteUser, { name: "users/leo" }, root);
}

const FILE = [
  ...["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "UID:one@test"],
  ...["DTSTAMP:20300101T000000Z", "DTSTART:20300301T100000Z", "DTEND:20300301T110000Z"],
  ...["SUMMARY:Traído", "END:VEVENT", "END:VCALENDAR", ""],
].join("\r\n");

/** What is there before: people who have logged in, and a code for one of them. */
async function prepare() {
  const { shards, gateway } = await openWorld([]);
  const talk = new Conversation(askDirectly(gateway));
  const { register, login } = AuthService.method;
  const enter = async (userId: string, bootstrapCredential = ""): Promise<string> => {
    await talk.say(register, { userId, password: PASSWORD, bootstrapCredential });
    return (await talk.say(login, { userId, password: PASSWORD })).accessToken;
  };
  const tokens = {
    root: await enter("root", BOOTSTRAP),
    ...{ ana: await enter("ana"), zoe: await enter("zoe"), eva: await enter("eva") },
  };
  const users = findShard(shards.rangeMap, "users", "eva")?.number ?? 0;
  const codeHash = sha256Hex(RESET_CODE);
  const operation = { kind: "issue-reset-code", user: "eva", codeHash, lifetimeMs: 1e6 } as const;
  const caller = { kind: "system" } as const;
  const command = { caller, requestId: "", fingerprint: "", operation };
  await shards.execute(users, command, { timeoutMs: CALL_MS });
  gateway.close();
  return { tokens, commands: shards.executed };
}

function askDirectly(gateway: RunningGateway): Ask {
  return async (method, request, { authorization }) => {
    const call = {
      ...{ method, request, token: authorization?.slice("Bearer ".length) },
      deadlineMs: performance.now() + CALL_MS,
      signal: new AbortController().signal,
      remoteAddress: "127.0.0.1",
    };
    try {
      return { message: await gateway.unary(call) };
    } catch (error) {
      if (error instanceof ClusterError) return { reason: ERRORS[error.code].reason };
      throw error;
    }
  };
}

/** Over each protocol once; over plain HTTP as its rules say, and as HTTP itself would. */
function askOver(door: Door): ReadonlyMap<string, Ask> {
  const asks = new Map<string, Ask>();
  for (const protocol of PROTOCOLS) {
    const transport = door.transports[protocol];
    if (transport === undefined) throw new Error(`no client for ${protocol}`);
    asks.set(protocol, async (method, request, headers) => {
      try {
        const answer = await transport.unary(method, undefined, CALL_MS, headers, request);
        return { message: answer.message };
      } catch (cause) {
        const infos = ConnectError.from(cause).findDetails(ErrorInfoSchema);
        return { reason: infos.map(({ reason }) => reason).join() };
      }
    });
  }
  for (const byHeaders of [false, true]) {
    asks.set(byHeaders ? "REST, by headers" : "REST", async (method, request, headers) => {
      const { verb, path, body, headers: more } = overRest(method, request, { byHeaders });
      const { status, text } = await door.send(verb, path, { ...headers, ...more }, body);
      if (status === 200) return { message: fromJsonString(method.output, text) };
      return { reason: /"reason": ?"([A-Z_]+)"/u.exec(text)?.[1] ?? text };
    });
  }
  return asks;
}

const WRITES = PUBLIC_SERVICES.flatMap(({ methods }) => methods)
  .filter(({ idempotency }) => idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS)
  .map(({ name }) => name);

/** One after the other: to show how two long lists differ takes minutes. */
function expectEqual(actual: readonly unknown[], expected: readonly unknown[], by: string): void {
  for (const [at, one] of expected.entries()) {
    expect(textOf(actual[at]), by).to.equal(textOf(one));
  }
  expect(actual, by).to.have.length(expected.length);
}

const textOf = (value: unknown): string =>
  JSON.stringify(value, (key, part: unknown) => (BY_CHANCE.includes(key) ? "" : part), 1);

describe("every write", function () {
  this.timeout(60_000);
  let commands: readonly Executed[];
  let tokens: Tokens;
  let expected: { readonly heard: Conversation["heard"]; readonly done: readonly Executed[] };

  /** The same agenda, kept in this way. */
  async function keep(askIn: (world: World) => Ask) {
    const world = await openWorld(commands);
    const talk = new Conversation(askIn(world));
    await keepAgenda(talk, tokens);
    world.gateway.close();
    return { heard: talk.heard, done: world.shards.executed };
  }

  before(async () => {
    ({ commands, tokens } = await prepare());
    expected = await keep(({ gateway }) => askDirectly(gateway));
  });

  it("has a case here", () => {
    const said = new Set(expected.heard.map(({ method }) => method));
    expect(WRITES.filter((name) => !said.has(name))).to.deep.equal([]);
  });

  for (const shortWay of [true, false]) {
    const way = shortWay ? "on the short way" : "through Connect";
    it(`is answered alike and does the same over every protocol, ${way}`, async () => {
      const door = await openDoor({ shortWay });
      for (const [protocol, ask] of askOver(door)) {
        const kept = await keep(({ gateway }) => {
          door.gateway.answer = async (call) => await gateway.unary(call);
          return ask;
        });
        expectEqual(kept.heard, expected.heard, protocol);
        expectEqual(kept.done, expected.done, protocol);
      }
      await door.close();
    });
  }
});
