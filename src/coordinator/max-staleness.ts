import { ClusterError } from "../base/index.js";

export const MAX_STALENESS_HEADER = "cabildo-max-staleness";
/** Longer than this nobody waits for a replica to be repaired; what was readable by then must not stay so. */
const MAX_STALENESS_MAX_S = 60;
const MS_PER_SECOND = 1000;

/**
 * How old an answer may be, in milliseconds; 0 if it has to be of now. Written as a duration of protobuf's JSON, such as
 * `2.5s`. Throws invalid-argument for anything else.
 */
export function readMaxStalenessMs(text: string | null | undefined): number {
  if (text === null || text === undefined) return 0;
  const [, seconds] = /^(\d{1,2}(?:\.\d{1,3})?)s$/u.exec(text) ?? [];
  const known = Number(seconds ?? NaN);
  if (known <= MAX_STALENESS_MAX_S) return Math.round(known * MS_PER_SECOND);
  const description = `is no duration up to ${MAX_STALENESS_MAX_S}s, such as 2.5s`;
  throw new ClusterError("invalid-argument", `${MAX_STALENESS_HEADER} ${description}`, {
    violations: [{ field: MAX_STALENESS_HEADER, description }],
    outcome: "not_applied",
  });
}
