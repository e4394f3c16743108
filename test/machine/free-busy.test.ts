import { expect } from "chai";
import { fc } from "../support/properties.js";
import type { BusySpan, EventContent } from "../../src/domain/index.js";
import { anyContent } from "../support/agenda-arbitraries.js";
import { createEvent, DAY_MS, eventId, HOUR_MS, NOW_MS, userCaller } from "../support/agenda.js";
import { AgendaShard, MACHINE } from "../support/agenda-shard.js";
import { GroupNews } from "../support/group-news.js";
import { LoadedView, runLoading } from "../support/memory-view.js";

const ana = userCaller("ana");
const bea = userCaller("bea");
const WINDOW = { windowStartMs: NOW_MS, windowEndMs: NOW_MS + 30 * DAY_MS };

/** Whether somebody is busy in each hour of the window, told by looking at every event. */
function busyHours(contents: readonly EventContent[]): readonly boolean[] {
  const hours: boolean[] = [];
  for (let ms = WINDOW.windowStartMs; ms < WINDOW.windowEndMs; ms += HOUR_MS) {
    hours.push(
      contents.some(({ span, transparency }) => {
        if (transparency === "transparent") return false;
        const { startMs, endMs } = rangeOf(span);
        return startMs < ms + HOUR_MS && endMs > ms;
      }),
    );
  }
  return hours;
}

function rangeOf(span: EventContent["span"]): BusySpan {
  if (span.kind === "timed") return span;
  const { start, end } = span;
  return {
    startMs: Date.UTC(start.year, start.month - 1, start.day),
    endMs: Date.UTC(end.year, end.month - 1, end.day),
  };
}

function times(hour: number): BusySpan {
  const startMs = NOW_MS + hour * HOUR_MS;
  return { startMs, endMs: startMs + HOUR_MS };
}

function hour(hour: number): EventContent["span"] {
  return { kind: "timed", ...times(hour), timeZone: "UTC" };
}

function choir(shard: AgendaShard, members: readonly string[]): GroupNews {
  const news = new GroupNews(shard);
  news.group("choir", "peer");
  for (const user of members) news.member("choir", user, 1);
  return news;
}

describe("free and busy", () => {
  it("is what a walk over all events would find, in spans apart from each other", () => {
    fc.assert(
      fc.property(fc.array(anyContent, { maxLength: 15 }), (contents) => {
        const shard = new AgendaShard();
        contents.forEach((content, i) => shard.done(ana, createEvent("ana", eventId(i), content)));
        const question = {
          kind: "free-busy",
          ofPeople: false,
          calendars: ["ana"],
          ...WINDOW,
        } as const;
        const [found] = shard.ask(ana, question, "free-busy").calendars;
        const spans = found?.spans ?? [];
        const hours = busyHours(contents).map((_, i) => {
          const ms = WINDOW.windowStartMs + i * HOUR_MS;
          return spans.some(({ startMs, endMs }) => startMs < ms + HOUR_MS && endMs > ms);
        });
        expect(hours).deep.equals(busyHours(contents));
        spans.forEach(({ startMs, endMs }, i) => {
          expect(startMs).lessThan(endMs);
          expect(startMs).greaterThan(spans[i - 1]?.endMs ?? -Infinity);
          expect(startMs >= WINDOW.windowStartMs && endMs <= WINDOW.windowEndMs).equals(true);
        });
      }),
      { numRuns: 50 },
    );
  });

  it("of many people of one group is read in few loads", () => {
    const shard = new AgendaShard();
    const calendars = Array.from({ length: 50 }, (_, i) => `u${i}`);
    for (const user of calendars) shard.done(userCaller(user), createEvent(user, eventId(1)));
    choir(shard, ["bea", ...calendars]);
    const question = { kind: "free-busy", ofPeople: false, calendars, ...WINDOW } as const;
    const view = new LoadedView(shard.memory.state);
    const { result, loads } = runLoading(view, () =>
      MACHINE.query({ caller: bea, question }, view, MACHINE.featureLevel),
    );
    expect(loads).at.most(4);
    const busy = result.kind === "answered" && result.answer.kind === "free-busy" && result.answer;
    expect(busy && busy.calendars.every(({ spans }) => spans.length === 1)).equals(true);
  });

  it("of many people who are in other groups too is read in few loads", () => {
    const shard = new AgendaShard();
    const calendars = Array.from({ length: 40 }, (_, i) => `u${i}`);
    for (const user of calendars) shard.done(userCaller(user), createEvent(user, eventId(1)));
    const news = choir(shard, ["bea", ...calendars]);
    for (const user of calendars) {
      news.group(`above-${user}`, "peer");
      news.group(`of-${user}`, "peer", { parent: `above-${user}` });
      news.member(`of-${user}`, user, 1);
    }
    const question = { kind: "free-busy", ofPeople: true, calendars, ...WINDOW } as const;
    const view = new LoadedView(shard.memory.state);
    const { result, loads } = runLoading(view, () =>
      MACHINE.query({ caller: bea, question }, view, MACHINE.featureLevel),
    );
    expect(loads).at.most(6);
    expect(result.kind).equals("answered");
  });

  it("of people is that of all their calendars", () => {
    const shard = new AgendaShard();
    shard.done(ana, createEvent("ana", eventId(1), { span: hour(1) }));
    shard.done(ana, createEvent("ana.work", eventId(2), { span: hour(3) }));
    const ask = (ofPeople: boolean) => {
      const question = { kind: "free-busy", ofPeople, calendars: ["ana"], ...WINDOW } as const;
      return shard.ask(ana, question, "free-busy").calendars;
    };
    expect(ask(false)[0]?.spans).deep.equals([times(1)]);
    expect(ask(true)[0]?.spans).deep.equals([times(1), times(3)]);
  });

  it("of strangers is hidden, be they there or not", () => {
    const shard = new AgendaShard();
    shard.done(ana, createEvent("ana", eventId(1), { visibility: "public" }));
    const calendars = ["ana", "nobody"];
    const question = { kind: "free-busy", ofPeople: false, calendars, ...WINDOW } as const;
    expect(shard.ask(bea, question, "free-busy").calendars).deep.equals(
      calendars.map((calendar) => ({ calendar, spans: [], isCut: false, isHidden: true })),
    );
  });

  it("is told for signed-in users alone, in a window that is not too long", () => {
    const shard = new AgendaShard();
    const question = { kind: "free-busy", ofPeople: false, calendars: ["ana"], ...WINDOW } as const;
    const anonymous = { kind: "anonymous" } as const;
    expect(shard.query(anonymous, question)).to.include({ code: "not-found" });
    const windowEndMs = NOW_MS + 93 * DAY_MS;
    expect(shard.query(ana, { ...question, windowEndMs })).to.include({ code: "invalid-argument" });
  });
});

describe("an agenda", () => {
  it("has one's own events of all calendars whole, and of peers that they are busy", () => {
    const shard = new AgendaShard();
    choir(shard, ["ana", "bea"]);
    const secret = { title: "Secret", description: "of mine", location: "home" };
    shard.done(ana, createEvent("ana", eventId(1), secret));
    shard.done(ana, createEvent("ana.work", eventId(2), { title: "Work" }));
    shard.done(ana, createEvent("ana", eventId(3), { title: "Free", transparency: "transparent" }));
    shard.done(ana, createEvent("ana", eventId(4), { title: "Open", visibility: "public" }));
    const question = {
      kind: "list-events",
      calendars: ["ana"],
      pageSize: 10,
      after: "",
      ...WINDOW,
      showDeleted: false,
      asAgenda: true,
      conditions: [],
    } as const;
    const titles = (caller: typeof ana): readonly string[] =>
      shard.ask(caller, question, "events").events.map(({ title }) => title);
    expect(titles(ana)).deep.equals(["Secret", "Work", "Free", "Open"]);
    expect(titles(bea)).deep.equals(["", "", "Open"]);
    expect(titles(userCaller("stranger"))).deep.equals(["Open"]);
    const seen = JSON.stringify(shard.ask(bea, question, "events").events);
    expect(seen).not.contains("mine");
    expect(seen).not.contains("home");
    expect(seen).not.contains('Work"');
  });
});
