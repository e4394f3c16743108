import { toJson } from "@bufbuild/protobuf";
import type { DescMessage, JsonValue, MessageShape } from "@bufbuild/protobuf";
import { CalendarSchema, ConflictPolicy } from "../../gen/cabildo/v1/calendars_pb.js";
import {
  ListEventsResponseSchema,
  ListInstancesResponseSchema,
  Response,
  Visibility,
} from "../../gen/cabildo/v1/events_pb.js";
import {
  GroupKind,
  GroupSchema,
  ListInvitationsResponseSchema,
  ListMembersResponseSchema,
  MemberRole,
} from "../../gen/cabildo/v1/groups_pb.js";
import { ListNotificationsResponseSchema } from "../../gen/cabildo/v1/notifications_pb.js";
import { SubscriptionsSchema } from "../../gen/cabildo/v1/subscriptions_pb.js";
import { UserSchema } from "../../gen/cabildo/v1/users_pb.js";
import { eventually } from "./eventually.js";
import type { Person } from "./up-cluster.js";

const CREW = "groups/crew";
const DECK = "groups/deck";
const START = 1_800_000_000n;
const HOUR = 3600n;
/** Of another cluster, or of the moment at which somebody looked. */
const FLEETING = ["position", "nextPageToken"];

/** One of each of what a cluster keeps for people, in all shards, and what they answered each other. */
export class EveryKind {
  readonly #bea: Person;
  readonly #oscar: Person;
  #weekly = "";
  #dinner = {
    parent: "calendars/bea",
    requestId: crypto.randomUUID(),
    event: {
      title: "Dinner",
      span: timed(START + 9n * HOUR),
      attendees: [{ user: "users/oscar" }],
    },
  };

  constructor(bea: Person, oscar: Person) {
    this.#bea = bea;
    this.#oscar = oscar;
  }

  /** The same, as the two see it who are signed in to another cluster. */
  as(bea: Person, oscar: Person): EveryKind {
    const there = new EveryKind(bea, oscar);
    there.#weekly = this.#weekly;
    there.#dinner = this.#dinner;
    return there;
  }

  async make(): Promise<void> {
    const [bea, oscar] = [this.#bea, this.#oscar];
    await bea.users.updateUser({
      user: { name: "users/bea", displayName: "Bea", defaultVisibility: Visibility.BUSY_ONLY },
    });
    await bea.calendars.createCalendar({
      calendarId: "bea.boat",
      calendar: { displayName: "The boat", conflictPolicy: ConflictPolicy.REJECT },
    });
    await bea.calendars.addReader({ calendar: "calendars/bea.boat", reader: "users/oscar" });
    const kind = GroupKind.HIERARCHICAL;
    await bea.groups.createGroup({ groupId: "crew", group: { displayName: "Crew", kind } });
    await bea.groups.createGroup({ groupId: "deck", group: { kind, parentGroup: CREW } });
    const member = { user: "users/oscar", role: MemberRole.DEPUTY, rank: 7 };
    await bea.groups.addMember({ parent: CREW, member });
    const invitation = { invitee: "users/oscar", role: MemberRole.OBSERVER };
    await bea.groups.createInvitation({ parent: DECK, invitation });
    await this.#makeEvents();
    await oscar.subscriptions.updateSubscriptions({
      subscriptions: { name: "users/oscar/subscriptions", channels: ["calendars/oscar", CREW] },
    });
    // What was told first of the invitations is read.
    const [first] = await eventually(async () => {
      const { notifications } = await oscar.notifications.listNotifications({
        parent: "users/oscar",
      });
      return notifications.length >= 2 && notifications;
    });
    await oscar.notifications.markNotificationRead({ name: first?.name ?? "" });
    await oscar.auth
      .login({ userId: "oscar", password: "wrong wrong wrong" })
      .catch(() => undefined);
  }

  async #makeEvents(): Promise<void> {
    const { events } = this.#bea;
    const parent = "calendars/bea";
    const weekly = await events.createEvent({
      parent,
      event: {
        title: "Watch below",
        recurrence: ["RRULE:FREQ=WEEKLY;COUNT=4"],
        span: timed(START, "Europe/Madrid"),
        labels: { kind: "watch" },
        reminders: [{ minutesBefore: 10 }],
      },
    });
    this.#weekly = weekly.name;
    const { instances } = await events.listInstances({ parent: weekly.name });
    await events.updateEvent({ event: { name: instances[1]?.name ?? "", title: "Watch on deck" } });
    await events.deleteEvent({ name: instances[2]?.name ?? "" });
    await events.createEvent({
      parent: "calendars/bea.boat",
      event: {
        title: "In the yard",
        visibility: Visibility.PRIVATE,
        span: {
          case: "allDay",
          value: {
            startDate: { year: 2027, month: 3, day: 1 },
            endDate: { year: 2027, month: 3, day: 4 },
          },
        },
      },
    });
    const gone = await events.createEvent({ parent, event: { title: "Gone", span: timed(START) } });
    await events.deleteEvent({ name: gone.name });
    const imposed = { title: "All hands", group: CREW, span: timed(START + 2n * HOUR) };
    await events.createEvent({ parent, event: imposed });
    const asked = await events.createEvent(this.#dinner);
    const copy = asked.name.replace("calendars/bea/", "calendars/oscar/");
    await eventually(() =>
      this.#oscar.events.respondEvent({
        name: copy,
        response: Response.TENTATIVE,
        comment: "if the wind allows",
      }),
    );
    await eventually(async () => {
      const { attendees } = await events.getEvent({ name: asked.name });
      return attendees[0]?.response === Response.TENTATIVE;
    });
  }

  /** All of it, as the two see it: the same words before a backup and after its restore. */
  async tell(): Promise<readonly JsonValue[]> {
    const [bea, oscar] = [this.#bea, this.#oscar];
    const showDeleted = true;
    return [
      say(UserSchema, await bea.users.getUser({ name: "users/bea" })),
      say(CalendarSchema, await bea.calendars.getCalendar({ name: "calendars/bea.boat" })),
      say(GroupSchema, await bea.groups.getGroup({ name: DECK })),
      say(ListMembersResponseSchema, await bea.groups.listMembers({ parent: CREW })),
      say(ListMembersResponseSchema, await bea.groups.listMembers({ parent: DECK })),
      say(ListInvitationsResponseSchema, await bea.groups.listInvitations({ parent: DECK })),
      say(
        ListEventsResponseSchema,
        await bea.events.listEvents({ parent: "calendars/bea", showDeleted }),
      ),
      say(ListEventsResponseSchema, await bea.events.listEvents({ parent: "calendars/bea.boat" })),
      say(ListInstancesResponseSchema, await bea.events.listInstances({ parent: this.#weekly })),
      say(ListEventsResponseSchema, await oscar.events.listEvents({ parent: "calendars/oscar" })),
      say(
        ListNotificationsResponseSchema,
        await oscar.notifications.listNotifications({ parent: "users/oscar" }),
      ),
      say(
        SubscriptionsSchema,
        await oscar.subscriptions.getSubscriptions({ name: "users/oscar/subscriptions" }),
      ),
    ];
  }

  /** Asks again for the dinner that was asked for, by the same request id: its name. */
  async askAgain(): Promise<string> {
    const { name } = await this.#bea.events.createEvent(this.#dinner);
    return name;
  }
}

function timed(start: bigint, timeZone = "UTC") {
  return {
    case: "timed" as const,
    value: { startTime: { seconds: start }, endTime: { seconds: start + HOUR }, timeZone },
  };
}

function say<Schema extends DescMessage>(schema: Schema, message: MessageShape<Schema>): JsonValue {
  return withoutFleeting(toJson(schema, message));
}

function withoutFleeting(json: JsonValue): JsonValue {
  if (Array.isArray(json)) return json.map(withoutFleeting);
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(
    Object.entries(json)
      .filter(([name]) => !FLEETING.includes(name))
      .map(([name, value]) => [name, withoutFleeting(value)]),
  );
}
