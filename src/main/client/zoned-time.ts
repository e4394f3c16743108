import { localMs, momentOfLocal } from "../../ical/index.js";

/** What somebody wrote as a time: a moment, or a whole day. */
export type WrittenTime =
  | { readonly kind: "moment"; readonly ms: number }
  | { readonly kind: "day"; readonly year: number; readonly month: number; readonly day: number };

const WRITTEN =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?(Z|[+-]\d{2}:?\d{2})?)?$/u;
const MINUTE_MS = 60_000;

/** `2026-12-01T10:00` is what a clock in `timeZone` shows, `...Z` and `...+01:00` say their offset, `2026-12-01` is a day. */
export function parseTime(text: string, timeZone: string): WrittenTime {
  const match = WRITTEN.exec(text);
  if (match === null) {
    throw new Error(`${text} is no time: write 2026-12-01T10:00, or 2026-12-01 for a whole day`);
  }
  const [, ...parts] = match;
  const [year = 0, month = 0, day = 0, hour, minute = 0, second = 0] = parts
    .slice(0, 6)
    .map((part: string | undefined) => (part === undefined ? undefined : Number(part)));
  const local = Date.UTC(year, month - 1, day, hour ?? 0, minute, second);
  const written = new Date(local);
  if (written.getUTCMonth() !== month - 1 || written.getUTCDate() !== day || (hour ?? 0) > 23) {
    throw new Error(`${text} is not in the calendar`);
  }
  if (hour === undefined) return { kind: "day", year, month, day };
  const offset = parts[6];
  return {
    kind: "moment",
    ms: offset === undefined ? momentOfLocal(local, timeZone) : local - parseOffset(offset),
  };
}

function parseOffset(text: string): number {
  if (text === "Z") return 0;
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/u.exec(text) ?? [];
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
}

/** `2026-12-01 10:00` as a clock in the zone shows it. */
export function formatTime(ms: number, timeZone: string): string {
  const local = new Date(localMs(ms, timeZone)).toISOString();
  return `${local.slice(0, "2026-12-01".length)} ${local.slice("2026-12-01T".length, "2026-12-01T10:00".length)}`;
}

/** The name of this machine's zone. */
export function systemTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Fails where there is no such zone. */
export function requireTimeZone(name: string): string {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions().timeZone;
  } catch (cause) {
    throw new Error(`there is no time zone ${name}: write for example Europe/Madrid`, { cause });
  }
}
