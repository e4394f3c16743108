import { ClusterError } from "../../../src/base/index.js";
import type { CalendarEvent, Change, Resource } from "../../../src/domain/index.js";
import { DEFAULT_RANGE_MAP, findShardOfName } from "../../../src/placement/index.js";
import type { ShardNumber } from "../../../src/placement/index.js";
import type {
  ChangesEvent,
  ChangesOptions,
  FeedItem,
  ShardClient,
  ShardStatus,
} from "../../../src/shards/types.js";
import { encodeChange } from "../../../src/wire/store/index.js";

const PAGE = 7;

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
  readonly #feeds = new Map<ShardNumber, Feed>(
    DEFAULT_RANGE_MAP.shards.map(({ number }) => [number, new Feed()]),
  );
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
  append(change: Change): number {
    const shard = findShardOfName(this.rangeMap, change.channel);
    if (shard === undefined) throw new Error(`no shard for ${change.channel}`);
    const feed = this.feed(shard.number);
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

function eventOf(calendar: string, title: string, revision: number): CalendarEvent {
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
