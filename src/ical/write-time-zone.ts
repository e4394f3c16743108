import { formatLocal } from "./jcal.js";
import type { JCalComponent, JCalProperty } from "./jcal.js";
import { localMs } from "./zone-clock.js";

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
/** Clocks are looked at this often: none is changed there and back within it. */
const STEP_MS = 7 * DAY_MS;
/** How far ahead the changes of a clock are written: whoever reads further goes by the name, which is IANA's. */
const AHEAD_MS = 5 * YEAR_MS;
/** Of what is written, however early an event is. */
const SPAN_MS_MAX = 60 * YEAR_MS;
const SECOND_MS = 1_000;

interface Shift {
  readonly atMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a zone's clock does from a moment on (RFC 5545, 3.6.5): an event must not name a zone that its file does not describe. */
export function timeZoneComponent(zone: string, firstMs: number, nowMs: number): JCalComponent {
  const endMs = Math.max(nowMs, firstMs) + AHEAD_MS;
  const startMs = Math.max(firstMs - YEAR_MS, endMs - SPAN_MS_MAX);
  const offset = (ms: number): number => localMs(ms, zone) - ms;
  const initial = offset(startMs);
  const kinds = new Map<string, Shift[]>();
  for (const shift of shiftsOf(offset, startMs, endMs)) {
    const kind = `${shift.fromMs} ${shift.toMs}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), shift]);
  }
  const observances = [...kinds.values()].map(observance);
  const first = observance([{ atMs: startMs, fromMs: initial, toMs: initial }]);
  return ["vtimezone", [["tzid", {}, "text", zone]], [first, ...observances]];
}

function shiftsOf(
  offset: (ms: number) => number,
  startMs: number,
  endMs: number,
): readonly Shift[] {
  const shifts: Shift[] = [];
  let before = offset(startMs);
  for (let ms = startMs + STEP_MS; ms < endMs; ms += STEP_MS) {
    const after = offset(ms);
    if (after === before) continue;
    let [low, high] = [ms - STEP_MS, ms];
    while (high - low > SECOND_MS) {
      const middle = Math.floor((low + high) / 2 / SECOND_MS) * SECOND_MS;
      if (middle <= low) break;
      if (offset(middle) === before) low = middle;
      else high = middle;
    }
    shifts.push({ atMs: high, fromMs: before, toMs: after });
    before = after;
  }
  return shifts;
}

/** Begins by the clock as it was before. */
function observance(shifts: readonly Shift[]): JCalComponent {
  const [first] = shifts;
  const { atMs = 0, fromMs = 0, toMs = 0 } = first ?? {};
  const times = shifts.map((shift) => formatLocal(shift.atMs + shift.fromMs));
  const properties: readonly JCalProperty[] = [
    ["dtstart", {}, "date-time", formatLocal(atMs + fromMs)],
    ["tzoffsetfrom", {}, "utc-offset", formatOffset(fromMs)],
    ["tzoffsetto", {}, "utc-offset", formatOffset(toMs)],
    ...(times.length === 1 ? [] : [["rdate", {}, "date-time", ...times.slice(1)] as const]),
  ];
  return [toMs > fromMs ? "daylight" : "standard", properties, []];
}

function formatOffset(ms: number): string {
  const minutes = Math.round(Math.abs(ms) / 60_000);
  const digits = (value: number): string => String(value).padStart(2, "0");
  return `${ms < 0 ? "-" : "+"}${digits(Math.floor(minutes / 60))}:${digits(minutes % 60)}`;
}
