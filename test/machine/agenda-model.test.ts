import { expect } from "chai";
import { fc } from "../support/properties.js";
import type { CalendarEvent, Response } from "../../src/domain/index.js";
import { AgendaHistory, anyHistory, DESK_RANKS, RANKS } from "../support/agenda-history.js";
import { AgendaModel } from "../support/agenda-model.js";

function responsesOf({ attendees }: CalendarEvent): Readonly<Record<string, Response>> {
  return Object.fromEntries(attendees.map((attendee) => [attendee.user, attendee.response]));
}

describe("the agenda, whatever people do,", () => {
  it("is as if one person kept it in one book, where what goes between shards arrives at once", () => {
    fc.assert(
      fc.property(anyHistory, (steps) => {
        const run = new AgendaHistory();
        const model = new AgendaModel(RANKS, DESK_RANKS);
        for (const asked of steps) {
          if (asked.kind === "carry") continue;
          const done = run.take(asked);
          run.cluster.carry();
          expect(done, JSON.stringify(asked)).equals(model.take(asked));
          for (const [id, expected] of model.events) {
            const record = run.cluster.event(expected.organizer, id);
            if (expected.deleted) {
              expect(record).equals(undefined);
              continue;
            }
            expect(record?.state, id).equals(model.stateOf(expected));
            expect(record?.sequence, id).equals(expected.sequence);
            expect(record && responsesOf(record), id).deep.equals(
              Object.fromEntries(expected.responses),
            );
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("comes to one truth everywhere, in whatever order and however often things arrive", () => {
    fc.assert(
      fc.property(anyHistory, (steps) => {
        const run = new AgendaHistory();
        for (const asked of steps) run.take(asked);
        run.cluster.carry();
        const events = run.events();
        const standing = events.filter(({ deleteTimeMs }) => deleteTimeMs === 0);
        const records = standing.filter(({ source }) => source === "");
        const copies = standing.filter(({ source }) => source !== "");
        for (const record of records) {
          expect(record.state).equals(AgendaModel.stateFor(record));
          expect(record.sequence).equals(run.moves.get(record.id) ?? 0);
          const invited = record.attendees.map((attendee) => attendee.user);
          const holders = copies
            .filter(({ id }) => id === record.id)
            .map(({ calendar }) => calendar);
          const expected = invited.filter((one) => one !== record.calendar);
          expect(holders.sort(), record.id).deep.equals([...expected].sort());
        }
        for (const copy of copies) {
          const record = records.find(({ id }) => id === copy.id);
          expect(record?.calendar).equals(copy.source);
          for (const field of ["title", "span", "state", "sequence", "rule", "group"] as const) {
            expect(copy[field], field).deep.equals(record?.[field]);
          }
          expect(responsesOf(copy)).deep.equals(record && responsesOf(record));
        }
      }),
      { numRuns: 80 },
    );
  });
});
