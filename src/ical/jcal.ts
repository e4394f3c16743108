/** jCal (RFC 7265): what iCalendar says, as data. Name, parameters, type, values. */
export type JCalProperty = readonly [
  string,
  Readonly<Record<string, string>>,
  string,
  ...unknown[],
];

export type JCalComponent = readonly [string, readonly JCalProperty[], readonly JCalComponent[]];

/** A moment of a clock as if it were UTC, as jCal has it: `2027-03-01T09:00:00`. */
export function formatLocal(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}
