import { RRuleSet } from "rrule-rust";
import type { EventSpan, Occurrences } from "../domain/index.js";
import { localMs, momentOfLocal } from "./zone-clock.js";

/** Occurrences that a series has in the calendar at once: one command replaces them all. */
export const OCCURRENCES_MAX = 400;
const DAY_MS = 86_400_000;
/** How far ahead occurrences are worked out; they are extended before that ends. */
const AHEAD_MS = 730 * DAY_MS;
/** How far back. */
const BACK_MS = 90 * DAY_MS;
/** Of a rule, from its first occurrence on. */
const STEPS_MAX = 500_000;
/** Of days, and so of BYHOUR times BYMINUTE. */
const TIMES_A_DAY_MAX = 24;
const EXTRA_DATES_MAX = 100;
const LENGTH_MS_MAX = 366 * DAY_MS;

/** Lines that say nothing, or too much; the message says which. */
export class RecurrenceFault extends Error {
  override readonly name = "RecurrenceFault";
}

export interface Series {
  readonly span: EventSpan;
  /** RRULE, RDATE and EXDATE (RFC 5545, 3.8.5); not empty. */
  readonly lines: readonly string[];
}

/**
 * When an event repeats: occurrences that start after `afterMs` (a little before now if left out), up to the horizon. Wall
 * clock times stay the same over a change of the clock.
 */
export function expandRecurrence(series: Series, nowMs: number, afterMs?: number): Occurrences {
  const { startMs, zone } = anchorOf(series.span);
  const { rule, added, left } = parseLines(series.lines, zone);
  const horizonMs = Math.max(nowMs, startMs) + AHEAD_MS;
  const from = afterMs ?? Math.max(startMs, nowMs - BACK_MS) - 1;
  const starts = new Set(added.filter((ms) => ms > startMs));
  starts.add(startMs);
  const byRule = rule === undefined ? ENDED : runRule(rule, startMs, zone, from, horizonMs);
  for (const ms of byRule.startsMs) starts.add(ms);
  const wanted = [...starts]
    .filter((ms) => ms > from && ms < horizonMs && !left.has(ms))
    .sort((a, b) => a - b);
  const startsMs = wanted.slice(0, OCCURRENCES_MAX);
  const lastMs = startsMs.at(-1) ?? from;
  const isCut = wanted.length > startsMs.length || byRule.isCut;
  const isEnded = byRule.isEnded && !isCut && [...starts].every((ms) => ms < horizonMs);
  const untilMs = isEnded ? 0 : isCut ? lastMs + 1 : horizonMs;
  if (afterMs === undefined && startsMs.length === 0 && isEnded) {
    throw new RecurrenceFault("has no occurrence, or none since three months ago");
  }
  return { startsMs, untilMs };
}

/** What the lines of a series say: its rule without COUNT and UNTIL, the starts that are added, and those that are left out. */
export function readLines({ span, lines }: Series): {
  readonly rule: Rule | undefined;
  readonly addedMs: readonly number[];
  readonly leftMs: readonly number[];
} {
  const { rule, added, left } = parseLines(lines, anchorOf(span).zone);
  return { rule, addedMs: added, leftMs: [...left] };
}

function anchorOf(span: EventSpan): { readonly startMs: number; readonly zone: string } {
  const day = ({ year, month, day: d }: { year: number; month: number; day: number }): number =>
    Date.UTC(year, month - 1, d);
  const [startMs, endMs, zone] =
    span.kind === "timed"
      ? [span.startMs, span.endMs, span.timeZone === "" ? "UTC" : span.timeZone]
      : [day(span.start), day(span.end), "UTC"];
  if (startMs < 0) throw new RecurrenceFault("an event that repeats begins in 1970 or later");
  if (startMs % 1000 !== 0)
    throw new RecurrenceFault("an event that repeats begins at a full second");
  if (endMs - startMs > LENGTH_MS_MAX) throw new RecurrenceFault("is longer than a year");
  return { startMs, zone };
}

interface Lines {
  readonly rule: Rule | undefined;
  readonly added: readonly number[];
  readonly left: ReadonlySet<number>;
}

export interface Rule {
  /** Without COUNT and UNTIL. */
  readonly text: string;
  readonly count: number;
  readonly untilMs: number;
}

function parseLines(lines: readonly string[], zone: string): Lines {
  let rule: Rule | undefined;
  const added: number[] = [];
  const left = new Set<number>();
  for (const line of lines) {
    const [, name = "", params = "", value = ""] =
      /^(RRULE|RDATE|EXDATE)((?:;[^:]*)?):(.*)$/i.exec(line.trim()) ?? [];
    switch (name.toUpperCase()) {
      case "RRULE":
        if (rule !== undefined) throw new RecurrenceFault("has more than one RRULE");
        rule = parseRule(value.toUpperCase(), zone);
        break;
      case "RDATE":
        added.push(...parseDates(value, params, zone));
        break;
      case "EXDATE":
        for (const ms of parseDates(value, params, zone)) left.add(ms);
        break;
      default:
        throw new RecurrenceFault(`${line} is no line such as RRULE:FREQ=WEEKLY;COUNT=10`);
    }
  }
  if (added.length + left.size > EXTRA_DATES_MAX) {
    throw new RecurrenceFault(`has more than ${EXTRA_DATES_MAX} dates in RDATE and EXDATE`);
  }
  return { rule, added, left };
}

const FREQUENCIES = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"];

function parseRule(value: string, zone: string): Rule {
  const parts = new Map<string, string>();
  for (const part of value.split(";")) {
    const [key = "", text = ""] = part.split("=", 2);
    if (key === "" || text === "" || parts.has(key)) {
      throw new RecurrenceFault(`RRULE: ${part} is not understood`);
    }
    parts.set(key, text);
  }
  if (!FREQUENCIES.includes(parts.get("FREQ") ?? "")) {
    throw new RecurrenceFault(`RRULE: FREQ must be one of ${FREQUENCIES.join(", ")}`);
  }
  if (parts.has("COUNT") && parts.has("UNTIL")) {
    throw new RecurrenceFault("RRULE: COUNT and UNTIL exclude each other");
  }
  const many = (key: string): number => parts.get(key)?.split(",").length ?? 1;
  if (many("BYHOUR") * many("BYMINUTE") > TIMES_A_DAY_MAX || parts.has("BYSECOND")) {
    throw new RecurrenceFault(`RRULE: repeats more than ${TIMES_A_DAY_MAX} times a day`);
  }
  const count = Number(parts.get("COUNT") ?? Infinity);
  if (!(count >= 1)) throw new RecurrenceFault("RRULE: COUNT must be 1 or more");
  const until = parts.get("UNTIL");
  parts.delete("COUNT");
  parts.delete("UNTIL");
  return {
    text: [...parts].map(([key, text]) => `${key}=${text}`).join(";"),
    count,
    untilMs: until === undefined ? Infinity : parseUntil(until, zone),
  };
}

/** A date takes the whole day in. */
function parseUntil(text: string, zone: string): number {
  return text.length === 8 ? parseDate(`${text}T235959`, zone) : parseDate(text, zone);
}

function parseDates(value: string, params: string, zone: string): readonly number[] {
  const tzid = /;TZID=("?)([^;"]+)\1/i.exec(params)?.[2];
  if (/;VALUE=PERIOD/i.test(params)) throw new RecurrenceFault("RDATE: periods are not taken");
  return value.split(",").map((text) => parseDate(text.toUpperCase(), tzid ?? zone));
}

const DATE = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})(Z?))?$/;

function parseDate(text: string, zone: string): number {
  const [whole, year, month, day, hour = "0", minute = "0", second = "0", utc = ""] =
    DATE.exec(text) ?? [];
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  if (whole === undefined || formatLocal(local).slice(0, 8) !== text.slice(0, 8)) {
    throw new RecurrenceFault(`${text} is no time such as 20261201T130000Z`);
  }
  if (utc === "Z") return local;
  try {
    return momentOfLocal(local, zone);
  } catch {
    throw new RecurrenceFault(`${zone} is not the IANA name of a time zone`);
  }
}

interface RuleRun {
  readonly startsMs: readonly number[];
  /** The rule has no occurrence after these. */
  readonly isEnded: boolean;
  /** There are more than could be taken. */
  readonly isCut: boolean;
}

const ENDED: RuleRun = { startsMs: [], isEnded: true, isCut: false };

/**
 * The rule runs on the zone's wall clock as if it were UTC. It always gets an end, for one that fits no day at all would be
 * looked for in vain up to the last year.
 */
function runRule(
  { text, count, untilMs }: Rule,
  startMs: number,
  zone: string,
  fromMs: number,
  horizonMs: number,
): RuleRun {
  const endMs = Math.min(untilMs, horizonMs);
  if (endMs < startMs) return { ...ENDED, isEnded: untilMs < horizonMs };
  const start = formatLocal(localMs(startMs, zone));
  const end = formatLocal(localMs(endMs, zone));
  const set = parseSet(`DTSTART:${start}Z\nRRULE:${text};UNTIL=${end}Z`);
  const startsMs: number[] = [];
  let steps = 0;
  for (const time of set) {
    // The first occurrence is the event itself, and counts, whether the rule fits it or not.
    const ms = momentOfLocal(parseLocal(time.toString()), zone);
    if (ms === startMs) continue;
    steps++;
    if (steps >= count || steps > STEPS_MAX) return { startsMs, isEnded: true, isCut: false };
    if (ms > untilMs) break;
    if (ms <= fromMs) continue;
    startsMs.push(ms);
    if (startsMs.length > OCCURRENCES_MAX) return { startsMs, isEnded: false, isCut: true };
  }
  return { startsMs, isEnded: untilMs < horizonMs, isCut: false };
}

function parseSet(text: string): RRuleSet {
  try {
    return RRuleSet.parse(text);
  } catch (cause) {
    throw new RecurrenceFault(cause instanceof Error ? cause.message : String(cause));
  }
}

function formatLocal(local: number): string {
  return new Date(local).toISOString().replaceAll(/[-:]|\.\d+Z$/g, "");
}

function parseLocal(text: string): number {
  const [, year, month, day, hour, minute, second] = DATE.exec(text) ?? [];
  return Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
}
