export const CLUSTER_CHANNEL = "cluster";

/** Whether one change can be on both channels. */
export function overlap(a: string, b: string): boolean {
  if (a === b) return true;
  if (a === CLUSTER_CHANNEL || b === CLUSTER_CHANNEL) return false;
  return isPersonal(a) || isPersonal(b) || calendarOf(a) === b || calendarOf(b) === a;
}

/** Gathered from everything that concerns a user. */
function isPersonal(channel: string): boolean {
  return channel.startsWith("users/");
}

/** `calendars/ana` of `events/ana/e01...`; undefined for what is no event. */
function calendarOf(channel: string): string | undefined {
  const [, calendar] = /^events\/([^/]+)\//u.exec(channel) ?? [];
  return calendar === undefined ? undefined : `calendars/${calendar}`;
}
