import { expect } from "chai";
import { levelOf } from "../../src/machine/feature-level.js";
import { SupposedView } from "../../src/machine/supposed-view.js";
import { DEFAULT_RANGE_MAP } from "../../src/placement/index.js";
import { createEvent, eventId, NOW_MS, command, SYSTEM, userCaller } from "../support/agenda.js";
import { AgendaShard, MACHINE } from "../support/agenda-shard.js";
import { LoadedView, MemoryState, runLoading } from "../support/memory-view.js";
import { fc } from "../support/properties.js";

const KEYS = "abcdefgh".split("");
const anyKey = fc.constantFrom(...KEYS);
const anyRows = fc
  .subarray(KEYS)
  .map((keys) => keys.map((key) => ({ key, value: Uint8Array.of(1) })));
const anyWrites = fc.array(
  fc.record({ key: anyKey, value: fc.constantFrom(undefined, Uint8Array.of(2)) }),
  { maxLength: 4 },
);
const anyRange = fc.record({
  start: anyKey,
  end: anyKey,
  limit: fc.integer({ min: 1, max: 5 }),
  reverse: fc.boolean(),
});

describe("a state with writes that nobody makes", () => {
  it("reads as if they were made", () => {
    fc.assert(
      fc.property(anyRows, anyWrites, anyRange, anyKey, (made, supposed, range, key) => {
        const state = new MemoryState();
        state.write(made);
        const view = new SupposedView(state);
        view.suppose(supposed);
        const after = new MemoryState();
        after.write(made);
        after.write(supposed);
        expect(view.range(range)).deep.equals(after.range(range));
        expect(view.get(key)).deep.equals(after.get(key));
      }),
    );
  });
});

describe("commands that are tried", () => {
  const ana = userCaller("ana");

  it("come to what they come to where they are applied, also from a state that has to be loaded", () => {
    const shard = new AgendaShard();
    shard.done(ana, createEvent("ana", eventId(1)));
    const first = command(ana, createEvent("ana", eventId(2)));
    const remove = { kind: "delete-event", calendar: "ana", event: eventId(1), etag: "" } as const;
    const commands = [first, command(ana, remove)];
    const then = { kind: "get-events", calendar: "ana", events: [eventId(2)] } as const;
    const question = { kind: "try-commands", nowMs: NOW_MS, commands } as const;
    const before = shard.memory.state.rows();
    const view = new LoadedView(shard.memory.state);
    const { result } = runLoading(view, () =>
      MACHINE.query({ caller: ana, question }, view, MACHINE.featureLevel),
    );
    const there = shard.query(ana, { ...question, then });
    expect(shard.memory.state.rows()).deep.equals(before);
    const found =
      there.kind === "answered" && there.answer.kind === "events" && there.answer.events;
    expect(found && found.map(({ id }) => id)).deep.equals([eventId(2)]);
    shard.apply(first);
    const { name } = shard.done(ana, remove);
    const tried =
      result.kind === "answered" && result.answer.kind === "tried" && result.answer.reply;
    expect(tried).to.include({ kind: "done", name });
  });

  it("end with the first that is refused", () => {
    const shard = new AgendaShard();
    const remove = { kind: "delete-event", calendar: "ana", event: eventId(1), etag: "" } as const;
    const commands = [remove, createEvent("ana", eventId(1))].map((one) => command(ana, one));
    const question = { kind: "try-commands", nowMs: NOW_MS, commands } as const;
    const { reply } = shard.ask(ana, question, "tried");
    expect(reply).to.include({ kind: "refused", code: "not-found" });
    const then = { kind: "list-calendars" } as const;
    expect(shard.query(ana, { ...question, then })).to.include({ kind: "refused" });
  });

  it("are refused, and stop nobody, where a later version made them", () => {
    const newer = { ...command(ana, { kind: "unknown" }) };
    const question = { kind: "try-commands", nowMs: NOW_MS, commands: [newer] } as const;
    expect(new AgendaShard().query(ana, question)).to.include({ code: "unimplemented" });
  });

  it("are refused as long as they may not stand in the log", () => {
    const shard = new AgendaShard();
    const publish = command(SYSTEM, { kind: "publish-range-map", map: DEFAULT_RANGE_MAP });
    const question = { kind: "try-commands", nowMs: NOW_MS, commands: [publish] } as const;
    const level = levelOf(publish);
    shard.memory.featureLevel = level - 1;
    expect(shard.query(SYSTEM, question)).to.include({ code: "unimplemented" });
    shard.memory.featureLevel = level;
    expect(shard.ask(SYSTEM, question, "tried").reply).not.to.include({ code: "unimplemented" });
  });
});
