const DAY_MS = 86_400_000;
/** Of formatters: making one costs a hundred times what using it does. */
const ZONES_MAX = 500;

const formatters = new Map<string, Intl.DateTimeFormat>();

/** What a zone's clock shows at a moment, as if it were UTC. Throws a RangeError where there is no such zone. */
export function localMs(ms: number, timeZone: string): number {
  return ms + offsetMs(ms, timeZone);
}

/**
 * The moment at which a zone's clock shows `local` (as if it were UTC). Of two, in autumn, the first; a time that the clock
 * skips, in spring, is taken as if the clock had not been changed yet (RFC 5545, 3.3.5).
 */
export function momentOfLocal(local: number, timeZone: string): number {
  if (timeZone === "UTC") return local;
  const before = offsetMs(local - DAY_MS, timeZone);
  const after = offsetMs(local + DAY_MS, timeZone);
  if (before === after) return local - before;
  const fits = [before, after].filter((offset) => offsetMs(local - offset, timeZone) === offset);
  return local - (fits[0] ?? before);
}

/** How far a zone's clock is ahead of UTC at a moment. */
function offsetMs(ms: number, timeZone: string): number {
  if (timeZone === "UTC") return 0;
  const parts = formatterOf(timeZone).formatToParts(ms);
  const part = (type: string): number =>
    Number(parts.find((candidate) => candidate.type === type)?.value ?? 0);
  const shown = Date.UTC(
    part("year"),
    part("month") - 1,
    part("day"),
    part("hour"),
    part("minute"),
    part("second"),
  );
  return shown - Math.floor(ms / 1000) * 1000;
}

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timeZone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    if (formatters.size < ZONES_MAX) formatters.set(timeZone, formatter);
  }
  return formatter;
}
