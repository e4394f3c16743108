import { expect } from "chai";
import { fc } from "../../support/properties.js";
import { ClusterError } from "../../../src/base/index.js";
import type { CalendarEvent, Change, Operation } from "../../../src/domain/index.js";
import { Feed } from "../../../src/runtime/feed.js";
import type { FeedRow } from "../../../src/runtime/index.js";
import { createStoreCodec, decodeChange, encodeChange } from "../../../src/wire/store/index.js";
import {
  createEvent,
  DAY_MS,
  eventContent,
  eventId,
  SYSTEM,
  userCaller,
} from "../../support/agenda.js";
import { AgendaShard } from "../../support/agenda-shard.js";
import { ManualClock } from "../../support/manual-clock.js";

const { rows: codecs } = createStoreCodec();
const EVENTS = 4;
/** Deleted by one command. */
const CLEARED = [eventId(1), eventId(2)];
const PURGE_MS = 30 * DAY_MS;
const CHANNEL = "calendars/ana";

type Step =
  | { readonly kind: "create"; readonly event: string; readonly calendar: "ana" | "bea" }
  | {
      readonly kind: "write" | "cancel" | "delete" | "undelete";
      readonly event: string;
    }
  | { readonly kind: "clear" }
  | { readonly kind: "wait"; readonly days: number }
  /** And forgets that share of the feed. */
  | { readonly kind: "sweep"; readonly trim: number };

const event = fc.integer({ min: 1, max: EVENTS }).map(eventId);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("create" as const),
    event,
    calendar: fc.constantFrom("ana" as const, "bea" as const),
  }),
  fc.record({
    kind: fc.constantFrom("write" as const, "cancel" as const),
    event,
  }),
  fc.record({ kind: fc.constantFrom("delete" as const, "undelete" as const), event }),
  fc.record({ kind: fc.constant("clear" as const) }),
  fc.record({ kind: fc.constant("wait" as const), days: fc.constantFrom(1, 9, 31) }),
  fc.record({ kind: fc.constant("sweep" as const), trim: fc.constantFrom(0, 0, 0.3, 1) }),
);
const anySteps = fc.array(step, { minLength: 6, maxLength: 40, size: "max" });

/** A shard with calendars of ana and bea, and its feed as it is served. */
class Served {
  readonly shard = new AgendaShard();
  readonly rows: FeedRow[] = [];
  readonly feed: Feed;
  firstSequence = 1;
  #index = 0;

  constructor() {
    const start = { sequence: 0, firstSequence: 1, epoch: 1 };
    const read = (after: number) => {
      const rows = this.rows.filter((row) => row.sequence > after && onChannel(row));
      return Promise.resolve({ rows, upTo: this.sequence });
    };
    this.feed = new Feed({ clock: new ManualClock(), read, leaderAgeMs: () => 0 }, start);
    for (const id of CLEARED) this.take({ kind: "create", event: id, calendar: "ana" });
  }

  get sequence(): number {
    return this.shard.memory.sequence;
  }

  /** Whether it was done. */
  take(asked: Step): boolean {
    const ana = userCaller("ana");
    switch (asked.kind) {
      case "wait":
        this.shard.nowMs += asked.days * DAY_MS;
        return true;
      case "sweep": {
        const trimFeedTo = Math.floor(asked.trim * this.sequence);
        return this.#run(SYSTEM, { kind: "sweep", limit: 900, trimFeedTo });
      }
      case "clear":
        return this.#run(ana, { kind: "delete-events", calendar: "ana", events: CLEARED });
      case "create":
        return this.#run(userCaller(asked.calendar), createEvent(asked.calendar, asked.event));
      case "write":
      case "cancel":
      case "delete":
      case "undelete":
        return this.#run(ana, operationOf(asked.kind, asked.event, this.sequence));
    }
  }

  #run(caller: Parameters<AgendaShard["run"]>[0], operation: Operation): boolean {
    const { changes, reply, trimFeedTo = 0 } = this.shard.run(caller, operation);
    this.#index++;
    const before = this.sequence - changes.length;
    const rows = changes.map((change, i) => ({
      sequence: before + i + 1,
      index: this.#index,
      timeMs: this.shard.nowMs,
      channels: [change.channel, ...change.audience.map((user) => `users/${user}`)],
      change: encodeChange(change),
    }));
    this.rows.push(...rows);
    this.firstSequence = Math.max(this.firstSequence, trimFeedTo + 1);
    this.feed.publish(rows, this.firstSequence);
    return reply.kind === "done";
  }

  /** What a reader of ana's calendar who goes on from there is told, up to now; undefined where it must list again. */
  async resume(after: number): Promise<readonly FeedRow[] | undefined> {
    const told: FeedRow[] = [];
    const { signal } = new AbortController();
    try {
      for await (const batch of this.feed.changes({ after, channels: [CHANNEL], signal })) {
        told.push(...batch.rows);
        if (batch.upTo >= this.sequence) break;
      }
      return told;
    } catch (error) {
      if (error instanceof ClusterError && error.code === "position-gone") return undefined;
      throw error;
    }
  }

  /** Ana's events as they stand in the state, deleted ones too. */
  events(): readonly CalendarEvent[] {
    const rows = this.shard.memory.state.rows().filter(({ key }) => key.startsWith("ev/ana/"));
    return rows.map(({ value }) => codecs.event.decode(value));
  }
}

function operationOf(
  kind: "write" | "cancel" | "delete" | "undelete",
  id: string,
  n: number,
): Operation {
  const named = { calendar: "ana", event: id };
  if (kind === "undelete") return { kind: "undelete-event", ...named };
  if (kind !== "write") return { kind: `${kind}-event`, ...named, etag: "" };
  const content = eventContent({ title: `written ${n}` });
  return { kind: "update-event", ...named, content, fields: ["title"], etag: "" };
}

function onChannel({ channels }: Pick<FeedRow, "channels">): boolean {
  return channels.includes(CHANNEL);
}

function eventOf({ resource }: Change): CalendarEvent {
  if (resource.kind !== "event") throw new Error(`a change of a ${resource.kind}`);
  return resource.event;
}

describe("invariant 12: a deleted event", () => {
  it("can be had back until it is purged, and is told of to all who go on from before, if they may still", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(anySteps, async (steps) => {
        const served = new Served();
        const standing = new Map(CLEARED.map((id) => [id, 0]));
        const gone = new Set<string>();
        for (const asked of steps) {
          if (asked.kind === "create" && (asked.calendar === "bea" || gone.has(asked.event))) {
            continue;
          }
          const done = served.take(asked);
          const stateOf = (id: string): "absent" | "standing" | "deleted" => {
            const deletedMs = standing.get(id);
            return deletedMs === undefined ? "absent" : deletedMs === 0 ? "standing" : "deleted";
          };
          switch (asked.kind) {
            case "create":
              expect(done).equals(stateOf(asked.event) === "absent");
              if (done) standing.set(asked.event, 0);
              break;
            case "delete":
              expect(done).equals(stateOf(asked.event) === "standing");
              if (done) standing.set(asked.event, served.shard.nowMs);
              break;
            case "undelete":
              expect(done).equals(stateOf(asked.event) === "deleted");
              if (done) standing.set(asked.event, 0);
              if (done) seen.add("undeleted");
              break;
            case "clear":
              expect(done).equals(CLEARED.every((id) => stateOf(id) === "standing"));
              if (done) for (const id of CLEARED) standing.set(id, served.shard.nowMs);
              break;
            case "sweep":
              for (const [id, atMs] of standing) {
                if (atMs === 0 || atMs + PURGE_MS > served.shard.nowMs) continue;
                standing.delete(id);
                gone.add(id);
                seen.add("purged");
              }
              break;
            case "write":
            case "cancel":
            case "wait":
              break;
          }
          const events = new Map(served.events().map((one) => [one.id, one.deleteTimeMs]));
          expect(events).deep.equals(standing);
        }
        for (let after = 0; after <= served.sequence; after++) {
          const told = await served.resume(after);
          expect(told === undefined).equals(after < served.firstSequence - 1);
          if (told === undefined) seen.add("expired");
          const last = new Map(
            (told ?? []).map(({ change }) => {
              const { kind, ...one } = decodeChange(change);
              return [eventOf({ kind, ...one }).id, kind];
            }),
          );
          for (const [id, kind] of last) {
            const isDeleted = gone.has(id) || standing.get(id) !== 0;
            expect(kind === "deleted", id).equals(isDeleted);
            if (isDeleted) seen.add("tombstone");
          }
        }
      }),
      { numRuns: 25 },
    );
    expect([...seen]).to.include.members(["undeleted", "purged", "expired", "tombstone"]);
  });
});

describe("invariant 13: who follows a calendar", () => {
  it("hears every later change once, by ever higher revisions, and is up to date then; or has to list again", async () => {
    let resumed = 0;
    await fc.assert(
      fc.asyncProperty(anySteps, async (steps) => {
        const served = new Served();
        const states = new Map<number, readonly CalendarEvent[]>();
        for (const asked of steps) {
          states.set(served.sequence, served.events());
          served.take(asked);
        }
        const present = served.events();
        for (const [after, events] of states) {
          const told = await served.resume(after);
          if (told === undefined) {
            expect(after).lessThan(served.firstSequence - 1);
            continue;
          }
          const missed = served.rows.filter((row) => row.sequence > after && onChannel(row));
          expect(told.map(placeOf)).deep.equals(missed.map(placeOf));
          const copy = new Map(events.map((one) => [one.id, one]));
          let revision = after;
          for (const { change, sequence } of told) {
            const decoded = decodeChange(change);
            expect(decoded.revision).equals(sequence).greaterThan(revision);
            expect(eventOf(decoded).revision).equals(sequence);
            revision = sequence;
            copy.set(eventOf(decoded).id, eventOf(decoded));
            resumed++;
          }
          // A purge is no news: what goes then was told to be deleted before.
          const kept = [...copy.values()].filter(
            (one) => one.deleteTimeMs === 0 || present.some(({ id }) => id === one.id),
          );
          expect(kept.sort(byId)).deep.equals([...present].sort(byId));
        }
      }),
      { numRuns: 25 },
    );
    expect(resumed).greaterThan(20);
  });
});

function placeOf({ sequence }: FeedRow): number {
  return sequence;
}

function byId(a: CalendarEvent, b: CalendarEvent): number {
  return a.id < b.id ? -1 : 1;
}
