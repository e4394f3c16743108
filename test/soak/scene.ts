import type { MessageInitShape } from "@bufbuild/protobuf";
import { Visibility } from "../../gen/cabildo/v1/events_pb.js";
import type { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { eventually } from "../support/eventually.js";
import { RetryingWriter } from "../support/retrying-writer.js";
import type { Person, UpCluster } from "../support/up-cluster.js";
import { retry } from "./retry.js";
import type { Acknowledged } from "./verdict.js";

export const NAMES = ["ana", "mario", "nora", "zoe"] as const;
type Name = (typeof NAMES)[number];

const SPAN = {
  case: "timed",
  value: { startTime: { seconds: 1_790_000_000n }, endTime: { seconds: 1_790_003_600n } },
} as const;

/** A right of somebody's that is given and taken away again. */
export interface Toggle {
  readonly give: () => Promise<unknown>;
  readonly take: () => Promise<unknown>;
}

/** Users are changed one after the other; at every so many turns one of them chooses anew. */
const CHOICE_EVERY = 5;

/** Who is there, what they write, what each may hear at all times, and what of it comes and goes. */
export class Scene {
  readonly people: ReadonlyMap<string, Person>;
  /** Events that are changed again and again. */
  readonly #standing: readonly string[];
  readonly #random: () => number;
  readonly #chosen = new Map<string, readonly string[]>();
  /** Names that users were given, and of which it was answered that they have them. */
  readonly #renamed: Acknowledged[] = [];

  /** A group, a calendar that is open, calendars that are shared, and what each user chose to hear on every device. */
  static async set(cluster: UpCluster, random: () => number): Promise<Scene> {
    const people = new Map(
      await Promise.all(
        NAMES.map(async (name) => [name, await cluster.person(name)] as [string, Person]),
      ),
    );
    const scene = new Scene(people, [], random);
    const { ana, mario, nora } = scene.#named();
    await ana.groups.createGroup({ groupId: "choir", group: { displayName: "choir" } });
    for (const user of ["mario", "nora"]) {
      const member = { user: `users/${user}`, rank: 2 };
      await ana.groups.addMember({ parent: "groups/choir", member });
    }
    // Until the shard of its calendar has heard of them.
    for (const { events } of [ana, mario, nora]) {
      await eventually(() => events.listEvents({ parent: "calendars/choir.group" }));
    }
    await ana.calendars.createCalendar({ calendarId: "ana.shared" });
    await nora.calendars.createCalendar({ calendarId: "nora.open" });
    const calendar = { name: "calendars/nora", public: true };
    await nora.calendars.updateCalendar({ calendar, updateMask: { paths: ["public"] } });
    const readers = [
      [ana, "calendars/ana.shared", "users/nora"],
      [mario, "calendars/mario", "users/ana"],
    ] as const;
    for (const [owner, shared, reader] of readers) {
      await owner.calendars.addReader({ calendar: shared, reader });
    }
    const standing = await Promise.all(
      (["ana", "nora", "choir.group", "ana.shared"] as const).map(async (key) => {
        const attendees = key === "nora" ? [{ user: "users/mario" }] : [];
        const event = { title: "standing", span: SPAN, attendees };
        const created = await scene.#ownerOf(key).events.createEvent({
          parent: `calendars/${key}`,
          event,
        });
        return created.name;
      }),
    );
    const whole = new Scene(people, standing, random);
    for (const { give } of whole.toggles()) await give();
    for (const user of NAMES) await whole.choose(user);
    return whole;
  }

  private constructor(
    people: ReadonlyMap<string, Person>,
    standing: readonly string[],
    random: () => number,
  ) {
    this.people = people;
    this.#standing = standing;
    this.#random = random;
  }

  get renamed(): readonly Acknowledged[] {
    return this.#renamed;
  }

  /** What a user chose last. */
  chosen(user: string): readonly string[] {
    return this.#chosen.get(user) ?? [];
  }

  /** Everything that nobody takes away from a user. */
  steady(user: string): readonly string[] {
    const own = [`users/${user}`, `calendars/${user}`];
    const open = user === "nora" ? [] : ["calendars/nora"];
    const choir = ["groups/choir", "calendars/choir.group", this.#event("choir.group")];
    const others: Readonly<Record<Name, readonly string[]>> = {
      ana: ["calendars/ana.shared", "calendars/mario", this.#event("ana"), ...choir],
      mario: choir,
      nora: ["calendars/nora.open", "calendars/ana.shared", this.#event("ana.shared"), ...choir],
      zoe: [],
    };
    return [...own, ...open, this.#event("nora"), ...others[nameOf(user)]];
  }

  /** What comes and goes, with the user from whom it does. */
  get revocable(): readonly (readonly [user: string, channel: string])[] {
    return [
      ["zoe", "groups/choir"],
      ["zoe", "calendars/choir.group"],
      ["zoe", this.#event("choir.group")],
      ["zoe", "calendars/ana.shared"],
      ["zoe", this.#event("ana.shared")],
      ["mario", "calendars/nora.open"],
      ["zoe", "calendars/nora.open"],
    ];
  }

  toggles(): readonly Toggle[] {
    const { ana, nora } = this.#named();
    const member = { user: "users/zoe", rank: 1 };
    const reading = { calendar: "calendars/ana.shared", reader: "users/zoe" };
    const open = (isOpen: boolean) => {
      const calendar = { name: "calendars/nora.open", public: isOpen };
      return nora.calendars.updateCalendar({ calendar, updateMask: { paths: ["public"] } });
    };
    return [
      {
        give: () => retry(() => ana.groups.addMember({ parent: "groups/choir", member })),
        take: () => retry(() => ana.groups.removeMember({ name: "groups/choir/members/zoe" })),
      },
      {
        give: () => retry(() => ana.calendars.addReader(reading)),
        take: () => retry(() => ana.calendars.removeReader(reading)),
      },
      { give: () => retry(() => open(true)), take: () => retry(() => open(false)) },
    ];
  }

  /** On all shards of calendars, in all that is heard. */
  writers(): readonly RetryingWriter[] {
    const keys = [...NAMES, "choir.group", "ana.shared", "nora.open"] as const;
    return keys.map(
      (key) => new RetryingWriter(this.#ownerOf(key), key, [], undefined, (n) => shapeOf(key, n)),
    );
  }

  /** Changes what changes by one's being written anew: the group's name, and events that are heard by themselves. */
  async change(n: number): Promise<void> {
    const { ana } = this.#named();
    const group = { name: "groups/choir", displayName: `choir ${n}` };
    const updateMask = { paths: ["display_name"] };
    await retry(() => ana.groups.updateGroup({ group, updateMask }));
    const name = this.#standing[n % this.#standing.length] ?? "";
    const event = { name, title: `standing ${n}`, etag: "" };
    const { events } = this.#ownerOf(name.split("/")[1] ?? "");
    await retry(() => events.updateEvent({ event, updateMask: { paths: ["title"] } }));
  }

  /** Gives a user another name, and from time to time has one choose other channels. */
  async changeUsers(n: number): Promise<void> {
    const user = nameOf(NAMES[n % NAMES.length] ?? "");
    const displayName = `${user} ${n}`;
    const renaming = {
      user: { name: `users/${user}`, displayName },
      updateMask: { paths: ["display_name"] },
      requestId: crypto.randomUUID(),
    };
    await retry(() => this.#named()[user].users.updateUser(renaming));
    this.#renamed.push({ channel: `users/${user}`, title: displayName });
    if (n % CHOICE_EVERY === 0) await this.choose(user);
  }

  /** Other channels than before, of those that the user may hear. */
  async choose(user: Name): Promise<void> {
    const before = this.chosen(user).join(" ");
    let channels: readonly string[];
    do channels = some(this.steady(user), this.#random);
    while (channels.join(" ") === before);
    const subscriptions = { name: `users/${user}/subscriptions`, channels: [...channels] };
    await retry(() => this.#named()[user].subscriptions.updateSubscriptions({ subscriptions }));
    this.#chosen.set(user, channels);
  }

  #event(calendar: string): string {
    const name = this.#standing.find((one) => one.startsWith(`calendars/${calendar}/`)) ?? "";
    return `events/${calendar}/${name.split("/").at(-1) ?? ""}`;
  }

  #ownerOf(key: string): Person {
    const owner = key.split(".")[0] ?? "";
    return this.#named()[owner === "choir" ? "ana" : nameOf(owner)];
  }

  #named(): Readonly<Record<Name, Person>> {
    const person = (name: Name): Person => {
      const found = this.people.get(name);
      if (found === undefined) throw new Error(`${name} is not there`);
      return found;
    };
    return { ana: person("ana"), mario: person("mario"), nora: person("nora"), zoe: person("zoe") };
  }
}

/** Of an open calendar some events are for their owner alone, or say no more than when; others have guests. */
function shapeOf(key: string, n: number): MessageInitShape<typeof EventSchema> {
  if (key !== "nora") return {};
  const shapes: MessageInitShape<typeof EventSchema>[] = [
    { attendees: [{ user: "users/mario" }] },
    { visibility: Visibility.PUBLIC },
    { visibility: Visibility.PRIVATE },
    { visibility: Visibility.BUSY_ONLY },
  ];
  return shapes[n % shapes.length] ?? {};
}

/** At least one of them. */
export function some<T>(list: readonly T[], random: () => number): T[] {
  const chosen = list.filter(() => random() < 0.3);
  const one = list[Math.floor(random() * list.length)];
  return chosen.length > 0 || one === undefined ? chosen : [one];
}

function nameOf(user: string): Name {
  const name = NAMES.find((one) => one === user);
  if (name === undefined) throw new Error(`nobody is called ${user}`);
  return name;
}
