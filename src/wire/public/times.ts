import type { Timestamp } from "@bufbuild/protobuf/wkt";

/** Undefined for 0, which stands for never. */
export function toTimestamp(ms: number): Timestamp | undefined {
  return ms === 0 ? undefined : timestampOfMs(ms);
}

/** Of whole milliseconds. */
export function timestampOfMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / MS_PER_SECOND);
  const nanos = (ms - seconds * MS_PER_SECOND) * NANOS_PER_MS;
  return { $typeName: "google.protobuf.Timestamp", seconds: BigInt(seconds), nanos };
}

/** The seconds of 0001-01-01 and 9999-12-31, which the protocol allows. */
const SECONDS_MIN = -62_135_596_800n;
const SECONDS_MAX = 253_402_300_799n;
const NANOS_PER_SECOND = 1_000_000_000;
const NANOS_PER_MS = 1_000_000;
const MS_PER_SECOND = 1000;

/** Whole milliseconds, rounded down; undefined for what is no time. */
export function timestampToMs({ seconds, nanos }: Timestamp): number | undefined {
  if (seconds < SECONDS_MIN || seconds > SECONDS_MAX) return undefined;
  if (!Number.isInteger(nanos) || nanos < 0 || nanos >= NANOS_PER_SECOND) return undefined;
  return Number(seconds) * 1000 + Math.floor(nanos / NANOS_PER_MS);
}

export function formatEtag(revision: number): string {
  return `"r${revision}"`;
}
