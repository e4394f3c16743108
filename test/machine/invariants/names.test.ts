import { expect } from "chai";
import { fc } from "../../support/properties.js";
import type { CalendarContent, CalendarEvent, Operation } from "../../../src/domain/index.js";
import { prefixRange } from "../../../src/machine/index.js";
import { DEFAULT_RANGE_MAP, findShard } from "../../../src/placement/index.js";
import { createStoreCodec } from "../../../src/wire/store/index.js";
import { DAY_MS, NOW_MS, registerUser, SYSTEM, userCaller } from "../../support/agenda.js";
import { AgendaHistory, anyHistory } from "../../support/agenda-history.js";
import { AgendaShard } from "../../support/agenda-shard.js";

const { rows: codecs } = createStoreCodec();
const ADMIN = { kind: "user", user: "root", sessionId: "s", roles: ["admin"] } as const;
const PURGED_MS = 31 * DAY_MS;
const PLAIN: CalendarContent = {
  displayName: "",
  timeZone: "",
  conflictPolicy: "allow",
  public: false,
};

/** What no write may change of what a name stands for. */
function identity(event: CalendarEvent): string {
  const { organizer, source, group, recurringEvent, originalStartMs, createTimeMs } = event;
  return [organizer, source, group, recurringEvent, originalStartMs, createTimeMs].join(" ");
}

describe("invariant 10: a name", () => {
  it("stands for one thing in the one shard that owns its calendar, whatever is written of it and wherever copies go", () => {
    fc.assert(
      fc.property(anyHistory, fc.infiniteStream(fc.boolean()), (steps, arrives) => {
        const history = new AgendaHistory();
        const known = new Map<string, string>();
        const looked = new Set<Uint8Array>();
        let nowMs = NOW_MS;
        for (const step of steps) {
          history.cluster.nowMs = nowMs += 1_000;
          history.take(step);
          if (arrives.next().value === true) history.cluster.carry();
          for (const number of [1, 2, 3]) {
            const events = prefixRange("ev", 1_000);
            for (const { key, value } of history.cluster.shard(number).memory.state.range(events)) {
              if (looked.has(value)) continue;
              looked.add(value);
              const event = codecs.event.decode(value);
              const owner = findShard(DEFAULT_RANGE_MAP, "calendars", event.calendar);
              expect(owner?.number, key).equals(number);
              expect(key).equals(`ev/${event.calendar}/${event.id}`);
              const before = known.get(key) ?? identity(event);
              expect(identity(event), key).equals(before);
              known.set(key, before);
            }
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it("of a user, a group or a calendar is given once, though what had it is purged", () => {
    const id = fc.constantFrom("ana", "bea");
    const kind = fc.constantFrom("user", "group", "calendar");
    const act = fc.constantFrom("create", "create", "delete", "purge");
    const anySteps = fc.array(fc.record({ id, kind, act }), {
      minLength: 4,
      maxLength: 24,
      size: "max",
    });
    const creation = (what: string, name: string): Operation => {
      const over = { uid: "", displayName: "", parent: "" };
      if (what === "user") return registerUser(name);
      if (what === "group")
        return { kind: "create-group", group: name, groupKind: "peer", ...over };
      return { kind: "create-calendar", calendar: `${name}.work`, content: PLAIN };
    };
    const deletion = (what: string, name: string): Operation => {
      if (what === "user")
        return { kind: "set-user-standing", user: name, act: "delete", etag: "" };
      if (what === "group")
        return { kind: "set-group-deleted", group: name, deleted: true, etag: "" };
      return { kind: "delete-calendar", calendar: `${name}.work`, etag: "" };
    };
    let again = 0;
    fc.assert(
      fc.property(anySteps, (steps) => {
        const shard = new AgendaShard();
        const given = new Set<string>();
        for (const { id: name, kind: what, act: done } of steps) {
          if (done === "purge") {
            shard.nowMs += PURGED_MS;
            shard.run(SYSTEM, { kind: "sweep", limit: 900, trimFeedTo: 0 });
          } else if (done === "delete") {
            shard.run(what === "user" ? ADMIN : userCaller(name), deletion(what, name));
          } else {
            const { reply } = shard.run(userCaller(name), creation(what, name));
            const isGiven = given.has(`${what} ${name}`);
            expect(reply.kind, `${what} ${name}`).equals(isGiven ? "refused" : "done");
            if (isGiven) again++;
            given.add(`${what} ${name}`);
          }
        }
      }),
      { numRuns: 20 },
    );
    expect(again).greaterThan(3);
  });
});
