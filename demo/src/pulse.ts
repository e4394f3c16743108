import type { Event } from "cabildo/v1/events";
import type { Ledger } from "./ledger.js";
import type { Person } from "./town.js";

const PAUSE_MS = 120;
const AGAIN_MS = 500;

/** A write from its sending to its answer, by the clock of the page. */
export interface Beat {
  readonly shard: string;
  readonly sentMs: number;
  readonly answeredMs: number;
}

/** Writes into a further calendar of a person without end, one write after the other, and hears what comes of it. */
export async function pulse(
  person: Person,
  ledger: Ledger,
  onBeat: (beat: Beat) => void,
): Promise<void> {
  const { cabildo, id } = person;
  const calendar = `calendars/${id}.pulse`;
  const { name, position } = await create(person, calendar);
  const listen = async (): Promise<void> => {
    for await (const event of cabildo.live.subscribe([calendar], [position])) {
      if (event.kind === "change" && event.change.resourceName === name) {
        ledger.hear(calendar, event.change.position);
      }
    }
  };
  const write = async (): Promise<void> => {
    for (let n = 1; ; n++) {
      const sentMs = performance.now();
      try {
        const written = await cabildo.events.updateEvent({
          event: { name, description: `beat ${n}` },
          updateMask: { paths: ["description"] },
        });
        ledger.acknowledge(calendar, written.position);
        onBeat({ shard: written.shard, sentMs, answeredMs: performance.now() });
        await sleep(PAUSE_MS);
      } catch {
        // Not acknowledged: what came of it is not counted, and the next one goes on.
        await sleep(AGAIN_MS);
      }
    }
  };
  await Promise.all([listen(), write()]);
}

function create({ cabildo }: Person, parent: string): Promise<Event> {
  const seconds = BigInt(Math.floor(Date.now() / 1000));
  const value = { startTime: { seconds }, endTime: { seconds: seconds + 60n } };
  return cabildo.events.createEvent({
    parent,
    event: { title: "pulse", span: { case: "timed", value } },
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
