import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { GroupService } from "../../gen/cabildo/v1/groups_pb.js";
import { BOOTSTRAP, GatewayBench, PASSWORD } from "../gateway/support.js";
import type { Vocabulary } from "./messages.js";

/** A new one comes after so many cases, or once the one that was is refused so often: who logs out is nobody. */
const CASES_OF_ONE = 300;
const REFUSALS_OF_ONE = 3;

const ICS = [
  "BEGIN:VCALENDAR",
  "VERSION:2.0",
  "PRODID:-//a//b//EN",
  "BEGIN:VEVENT",
  "UID:1@example.org",
  "DTSTART:20300101T100000Z",
  "DTEND:20300101T110000Z",
  "RRULE:FREQ=WEEKLY;COUNT=3",
  "SUMMARY:Council",
  "END:VEVENT",
  "END:VCALENDAR",
  "",
].join("\r\n");

/** Somebody in whose name calls are made, and what there is of theirs. */
interface Inhabitant {
  readonly user: string;
  readonly token: string;
  readonly refreshToken: string;
  readonly session: string;
  readonly group: string;
  readonly event: string;
  readonly etag: string;
  readonly pageToken: string;
  readonly position: string;
}

/** A gateway over the real state machine, and people who use it. */
export class Inhabitants {
  readonly bench: GatewayBench;
  #current: Inhabitant;
  #cases = 0;
  #refusals = 0;
  #count = 1;
  /** Who may ask about others, since which case. */
  #root: { readonly token: string; readonly cases: number } | undefined;

  static async settle(): Promise<Inhabitants> {
    const bench = await GatewayBench.open();
    return new Inhabitants(bench, await newcomer(bench, 1));
  }

  private constructor(bench: GatewayBench, first: Inhabitant) {
    this.bench = bench;
    this.#current = first;
  }

  get current(): Inhabitant {
    return this.#current;
  }

  /** Before each case. Time goes on as well: who was too fast may go on. */
  async next(): Promise<Inhabitant> {
    this.bench.clock.aheadMs += 100;
    if (++this.#cases % CASES_OF_ONE === 0 || this.#refusals >= REFUSALS_OF_ONE) {
      this.#current = await newcomer(this.bench, ++this.#count);
      this.#refusals = 0;
    }
    return this.#current;
  }

  /** The token of an administrator. */
  async administrator(): Promise<string> {
    const credentials = { userId: "root", password: PASSWORD };
    const { register, login } = AuthService.method;
    const root = this.#root;
    if (root !== undefined && this.#cases - root.cases < CASES_OF_ONE) return root.token;
    if (root === undefined) {
      await this.bench.call(register, { ...credentials, bootstrapCredential: BOOTSTRAP });
    }
    const { accessToken: token } = await this.bench.call(login, credentials);
    this.#root = { token, cases: this.#cases };
    return token;
  }

  /** After each case. */
  heard(answer: string): string {
    if (answer === "unauthenticated") this.#refusals++;
    return answer;
  }

  /** What there is, so that a field of a message often names it. */
  readonly words: Vocabulary = (field) => {
    const { user, group, event, session, etag, pageToken, position } = this.#current;
    if (/page_token/u.test(field)) return [pageToken, ""];
    if (/sync_token/u.test(field)) return [position, ""];
    if (/position|since/u.test(field)) return [position, ""];
    if (/etag/u.test(field)) return [etag, "", '"r1"'];
    if (/refresh_token/u.test(field)) return [this.#current.refreshToken];
    if (/time_zone/u.test(field)) return ["UTC", "America/Havana", "Europe/Madrid"];
    if (/paths/u.test(field)) return ["title", "display_name", "span", "*"];
    if (/recurrence|rule/u.test(field)) {
      return ["RRULE:FREQ=DAILY;COUNT=5", "RRULE:FREQ=WEEKLY;BYDAY=MO", "RRULE:FREQ=SECONDLY"];
    }
    if (/icalendar|ics/u.test(field)) return [ICS];
    if (/filter/u.test(field)) return ['title:"Council"', "start_time > 1", "labels.a = b"];
    if (/email/u.test(field)) return ["a@example.org", ""];
    if (/calendar_id/u.test(field)) return [`${user}.work`, user];
    if (/request_id/u.test(field)) return ["", `r-${this.#cases}`, "again"];
    if (/password|secret|code/u.test(field)) return [PASSWORD, "another good one"];
    if (/display_name|title|description/u.test(field)) return ["Council", "x y", "Ñandú"];
    if (/_id$/u.test(field)) return ["", user, group, `${user}-2`];
    if (/name|parent|user|group|calendar|event|resource|session|attendee/u.test(field)) {
      return [
        ...[`users/${user}`, `groups/${group}`, `calendars/${user}`, `calendars/${group}.group`],
        ...[event, session, `groups/${group}/members/${user}`, `calendars/${user}.work`],
        ...["ana", group, `${user}-${this.#cases}`, `${user}.work`, `users/${user}/subscriptions`],
        ...["users/ana", `groups/${group}/invitations/i${"0".repeat(26)}`],
      ];
    }
    return ["Council", "a", "x y", "Ñandú"];
  };
}

async function newcomer(bench: GatewayBench, number: number): Promise<Inhabitant> {
  const user = `p${number}`;
  const group = `g${number}`;
  const { accessToken: token, refreshToken, session } = await bench.person(user);
  await bench.call(
    GroupService.method.createGroup,
    { groupId: group, group: { displayName: "Choir" } },
    token,
  );
  const event = await bench.createEvent(token, user);
  await bench.createEvent(token, user, { title: "Second" });
  const list = { parent: `calendars/${user}`, pageSize: 1 };
  const page = await bench.call(EventService.method.listEvents, list, token);
  return {
    ...{ user, token, refreshToken, session, group, event: event.name, etag: event.etag },
    pageToken: page.nextPageToken,
    position: page.position,
  };
}
