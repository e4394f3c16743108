import { ClusterError } from "../../../src/base/index.js";
import type { Calendar, CalendarEvent, Change, Resource } from "../../../src/domain/index.js";
import { DEFAULT_RANGE_MAP, findShardOfName } from "../../../src/placement/index.js";
import type { ShardNumber } from "../../../src/placement/index.js";
import type {
  ChangesEvent,
  ChangesOptions,
  FeedItem,
  ShardClient,
  ShardStatus,
} from "../../../src/shards/types.js";
import { standingChannel } from "../../../src/policy/index.js";
import { encodeChange } from "../../../src/wire/store/index.js";

const PAGE = 7;
const USERS_SHARD = 4;
const AM_SHARD = 1;

class Feed {
  readonly items: FeedItem[] = [];
  epoch = 1;
  /** First sequence that is kept. */
  first = 1;
  waiting: (() => void)[] = [];

  wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const wake of waiting) wake();
  }
}

/** The feeds of a cluster, in memory, under the test's hand. */
export class FakeShards implements ShardClient {
  readonly rangeMap = DEFAULT_RANGE_MAP;
  readonly refreshRangeMap = () => Promise.resolve(DEFAULT_RANGE_MAP);
  readonly #feeds = new Map<ShardNumber, Feed>(
    DEFAULT_RANGE_MAP.shards.map(({ number }) => [number, new Feed()]),
  );
  /** Set to refuse whoever reads what is older than memory. */
  unreadable = false;
  /** Filters with which a feed was read backwards. */
  readonly pagesRead: { readonly after: number; readonly channels: readonly string[] }[] = [];

  feed(shard: ShardNumber): Feed {
    const feed = this.#feeds.get(shard);
    if (feed === undefined) throw new Error(`no shard ${shard}`);
    return feed;
  }

  /** Commits changes in one entry: they reach followers in one event. Returns the last sequence. */
  commit(channel: string, titles: readonly string[], others: readonly string[] = []): number {
    const owner = /^calendars\/([a-z]+)/.exec(channel)?.[1];
    const audience = owner === undefined ? others : [owner, ...others];
    const shard = findShardOfName(this.rangeMap, channel);
    if (shard === undefined) throw new Error(`no shard for ${channel}`);
    const feed = this.feed(shard.number);
    for (const title of titles) {
      const sequence = feed.items.length + 1;
      const change = changeOf(channel, title, sequence, audience);
      feed.items.push({
        sequence,
        index: sequence * 2,
        timeMs: 1_700_000_000_000 + sequence,
        channels: [...new Set([channel, ...audience.map((user) => `users/${user}`)])],
        change: encodeChange(change),
      });
    }
    feed.wake();
    return feed.items.length;
  }

  /** Commits one change as it is. Returns its sequence. */
  append(change: Change, number?: ShardNumber): number {
    const shard = number ?? findShardOfName(this.rangeMap, change.channel)?.number;
    if (shard === undefined) throw new Error(`no shard for ${change.channel}`);
    const feed = this.feed(shard);
    const sequence = feed.items.length + 1;
    feed.items.push({
      sequence,
      index: sequence * 2,
      timeMs: 1_700_000_000_000 + sequence,
      channels: [...new Set([change.channel, ...change.audience.map((user) => `users/${user}`)])],
      change: encodeChange(change),
    });
    feed.wake();
    return sequence;
  }

  /** What the state machine says when a member leaves, or comes back. */
  commitMember(group: string, user: string, kind: "created" | "deleted"): number {
    const member = { group, user, role: "member", rank: 1, createTimeMs: 1 } as const;
    return this.append({
      kind,
      channel: `groups/${group}`,
      audience: [user],
      resourceName: `groups/${group}/members/${user}`,
      revision: 1,
      resource: { kind: "member", member: { ...member, revision: 1, joinRevision: 1 } },
    });
  }

  /** What it says when an event changes that readers may not see all of. */
  commitEvent(
    calendar: string,
    content: Partial<CalendarEvent>,
    to: Pick<Change, "kind" | "defaultVisibility"> &
      Required<Pick<Change, "toReaders">> & { formerly?: string[]; audience?: string[] },
  ): number {
    const id = content.id ?? "e00000000000000000000000001";
    const event = { ...eventOf(calendar, "secret", 1), ...content, id };
    const channel = `calendars/${calendar}`;
    const { defaultVisibility } = to;
    return this.append({
      kind: to.kind,
      channel,
      audience: to.audience ?? [calendar],
      resourceName: `${channel}/events/${id}`,
      revision: 1,
      resource: { kind: "event", event },
      toReaders: to.toReaders,
      formerly: to.formerly ?? [],
      ...(defaultVisibility === undefined ? {} : { defaultVisibility }),
    });
  }

  /** What it says when a calendar is shared, or no more. */
  commitCalendar(key: string, readers: readonly string[], isPublic = false): number {
    const channel = `calendars/${key}`;
    const resource = { kind: "calendar", calendar: calendarOf(key, readers, isPublic) } as const;
    const audience = [key];
    return this.append({
      ...{ kind: "updated", channel, audience, resourceName: channel, revision: 1, resource },
    });
  }

  /** What a shard of calendars says when it is told of another place in a group. */
  commitStanding(group: string, user: string): number {
    const member = { group, user, role: "member", rank: 0, createTimeMs: 0, revision: 0 } as const;
    return this.append(
      {
        kind: "updated",
        channel: standingChannel(group),
        audience: [],
        resourceName: `groups/${group}/members/${user}`,
        revision: 1,
        resource: { kind: "member", member: { ...member, joinRevision: 0 } },
      },
      AM_SHARD,
    );
  }

  /** What it says when it is told that a user shows more or less of all events. */
  commitShown(user: string): number {
    const [name, resource] = [`users/${user}`, calendarOf(user, [], false)];
    return this.append(
      {
        kind: "updated",
        channel: standingChannel(name),
        audience: [],
        resourceName: name,
        revision: 1,
        resource: { kind: "calendar", calendar: resource },
      },
      AM_SHARD,
    );
  }

  /** What it says when a user chooses channels. */
  commitChoice(user: string, channels: readonly string[]): number {
    const name = `users/${user}/subscriptions`;
    const revision = this.feed(USERS_SHARD).items.length + 1;
    const subscriptions = { user, channels, updateTimeMs: 1, revision };
    return this.append({
      kind: "updated",
      channel: `users/${user}`,
      audience: [],
      resourceName: name,
      revision,
      resource: { kind: "subscriptions", subscriptions },
    });
  }

  /** What it says when a session ends. */
  commitSessionEnd(user: string, session: string): number {
    return this.append({
      kind: "deleted",
      channel: `users/${user}`,
      audience: [],
      resourceName: `users/${user}/sessions/${session}`,
      revision: 1,
      resource: {
        kind: "session",
        session: {
          ...{ user, id: session, client: "test", refreshHash: "", previousHash: "" },
          ...{ previousUntilMs: 0, createTimeMs: 1, lastUseTimeMs: 1, expireTimeMs: 2 },
          revokeTimeMs: 1,
        },
      },
    });
  }

  async *changes(options: ChangesOptions): AsyncIterable<ChangesEvent> {
    const feed = this.feed(options.shard);
    const { signal, until, channels } = options;
    const epoch = feed.epoch;
    const about = (): Pick<ChangesEvent, "firstSequence" | "epoch"> => ({
      firstSequence: feed.first,
      epoch,
    });
    if (until !== undefined && this.unreadable) throw new ClusterError("unreachable", "try again");
    let at = options.after?.sequence ?? feed.items.length;
    if (options.after !== undefined && options.after.epoch !== epoch) {
      throw new ClusterError("epoch-changed", "another epoch");
    }
    if (until !== undefined) this.pagesRead.push({ after: at, channels: channels ?? [] });
    if (until === undefined) yield { items: [], upTo: at, ...about() };
    while (!signal.aborted) {
      if (feed.epoch !== epoch) throw new ClusterError("epoch-changed", "restored");
      if (at + 1 < feed.first) throw new ClusterError("position-gone", "trimmed");
      const end = Math.min(until ?? feed.items.length, feed.items.length);
      if (at < end) {
        const upTo = Math.min(end, at + PAGE);
        const items = feed.items
          .slice(at, upTo)
          .filter((item) => !channels || item.channels.some((name) => channels.includes(name)));
        at = upTo;
        yield { items, upTo, ...about() };
        continue;
      }
      if (until !== undefined && at >= until) return;
      await new Promise<void>((resolve) => {
        const go = (): void => {
          signal.removeEventListener("abort", go);
          resolve();
        };
        feed.waiting.push(go);
        signal.addEventListener("abort", go);
      });
    }
  }

  execute(): Promise<never> {
    return Promise.reject(new Error("not here"));
  }

  read(): Promise<never> {
    return Promise.reject(new Error("not here"));
  }

  /** What the nodes say of the shards. */
  statuses: readonly ShardStatus[] = [];

  probe(): Promise<readonly ShardStatus[]> {
    return Promise.resolve(this.statuses);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function changeOf(
  channel: string,
  title: string,
  revision: number,
  audience: readonly string[],
): Change {
  const [collection = "", key = ""] = channel.split("/");
  const resource: Resource =
    collection === "calendars"
      ? { kind: "event", event: eventOf(key, title, revision) }
      : {
          kind: "group",
          group: {
            id: key,
            uid: "u",
            displayName: title,
            kind: "peer",
            parent: "",
            deleteTimeMs: 0,
            purgeTimeMs: 0,
            createTimeMs: 1,
            updateTimeMs: 1,
            revision,
          },
        };
  const resourceName =
    resource.kind === "event" ? `${channel}/events/${resource.event.id}` : channel;
  return { kind: "created", channel, audience, resourceName, revision, resource };
}

function calendarOf(key: string, readers: readonly string[], isPublic: boolean): Calendar {
  return {
    ...{ key, displayName: "", timeZone: "UTC", conflictPolicy: "allow", readers },
    ...{ public: isPublic, createTimeMs: 1, updateTimeMs: 1, deleteTimeMs: 0, revision: 1 },
  };
}

export function eventOf(calendar: string, title: string, revision: number): CalendarEvent {
  return {
    calendar,
    id: `e${String(revision).padStart(26, "0")}`,
    title,
    description: "",
    location: "",
    organizer: "ana",
    span: { kind: "timed", startMs: 1_000, endMs: 2_000, timeZone: "UTC" },
    visibility: "default",
    transparency: "opaque",
    state: "confirmed",
    labels: [{ key: "a", value: "b" }],
    reminderMinutes: [10],
    recurrence: [],
    attendees: [],
    group: "",
    rule: "organizer",
    source: "",
    icalUid: "",
    recurringEvent: "",
    originalStartMs: 0,
    sequence: 0,
    createTimeMs: 1,
    updateTimeMs: 1,
    deleteTimeMs: 0,
    purgeTimeMs: 0,
    revision,
  };
}
