import type { Written } from "../support/retrying-writer.js";
import { readPosition } from "./positions.js";
import { spansOf, valueFor } from "./rights.js";
import type { Span } from "./rights.js";
import type { Heard, Run, SoakSubscriber } from "./subscriber.js";
import type { Truth, TrueChange } from "./truth.js";

/** What one shard's log holds. */
interface ShardLog {
  readonly number: number;
  readonly changes: readonly TrueChange[];
}

type Judged = Pick<SoakSubscriber, "problems" | "runs" | "isJoined" | "options">;

/**
 * What a subscriber heard beside what the log holds: nothing that was not allowed at its sequence, everything that was
 * allowed throughout, exactly once, in the order of its shard, values too. One line for each fault.
 */
export function judge(subscriber: Judged, truth: Truth): readonly string[] {
  const { problems, runs, isJoined } = subscriber;
  const faults = [...problems];
  if (!isJoined) faults.push("is not subscribed in the end");
  for (const [shard, log] of truth) {
    const spans = spansHere(subscriber, log);
    for (const run of runs) {
      const fault = judgeRun(subscriber, run, run.heard.get(shard) ?? [], log, spans);
      if (fault !== undefined) faults.push(`on ${shard}: ${fault}`);
    }
  }
  return faults.map((fault) => `${nameOf(subscriber)} ${fault}`);
}

/** Of a channel that can be taken from its user; undefined for those that cannot. */
function spansHere({ options }: Judged, { changes }: ShardLog): readonly Span[] | undefined {
  const { isRevocable, user, channels } = options;
  return isRevocable ? spansOf(user, channels[0] ?? "", changes) : undefined;
}

function judgeRun(
  { options: { user, channels } }: Judged,
  run: Run,
  heard: readonly Heard[],
  { number, changes }: ShardLog,
  spans: readonly Span[] | undefined,
): string | undefined {
  const begins = new Map<string, number>();
  for (const [channel, position] of run.begins) {
    const since = readPosition(position).get(number);
    if (since !== undefined) begins.set(channel, since);
  }
  const first = Math.min(...begins.values());
  const span = spans?.find(({ from, until }) => first >= from - 1 && first < until);
  if (begins.size > 0 && spans !== undefined) {
    if (span === undefined) return `a right began after ${first}, where there is none`;
    if (run.isAnew && first !== span.from - 1) {
      return `everything from ${span.from} on may be heard, and is said to begin after ${first}`;
    }
  }
  const due = changes.filter(
    ({ sequence, channels: on }) =>
      sequence < (span?.until ?? Infinity) &&
      on.some((channel) => sequence > (begins.get(channel) ?? Infinity)),
  );
  // Whoever was still being given what they had missed is given no more once the right has ended; so is whoever joined before
  // their server had come to what gave the right.
  const wasBehind = span !== undefined && first < span.from;
  const isCutShort = run.end === "cut-behind" || (run.end === "cut-live" && wasBehind);
  return compare(user, channels, isCutShort ? due.slice(0, heard.length) : due, heard);
}

function compare(
  user: string,
  mine: readonly string[],
  due: readonly TrueChange[],
  heard: readonly Heard[],
): string | undefined {
  const expected = (change: TrueChange): Heard => ({
    sequence: change.sequence,
    channel: change.channels.find((name) => mine.includes(name)) ?? "",
    value: valueFor(user, change),
  });
  const at = due.findIndex((change, i) => !isSame(expected(change), heard[i]));
  if (at < 0 && due.length === heard.length) return undefined;
  const place = at < 0 ? due.length : at;
  const around = (list: readonly Heard[]): string =>
    list.map(({ sequence, channel, value }) => `${sequence} on ${channel}: ${value}`).join(", ");
  const dueThen = around(due.slice(place, place + 3).map(expected));
  const heardThen = around(heard.slice(place, place + 3));
  const counts = `${heard.length} of ${due.length} changes`;
  return `${counts}; from the ${place + 1}th on due ${dueThen}; heard ${heardThen}`;
}

function isSame(one: Heard, other: Heard | undefined): boolean {
  return (
    one.sequence === other?.sequence && one.channel === other.channel && one.value === other.value
  );
}

/** What was acknowledged to writers beside what the log holds: each once. One line for each fault. */
export function judgeWritten(written: readonly Written[], truth: Truth): readonly string[] {
  const created = new Map<string, number>();
  for (const { changes } of truth.values()) {
    for (const { kind, channels, resource } of changes) {
      if (kind !== "created" || resource.kind !== "event") continue;
      const key = `${channels[0] ?? ""} ${resource.event.title}`;
      created.set(key, (created.get(key) ?? 0) + 1);
    }
  }
  return written.flatMap(({ calendar, title }) => {
    const times = created.get(`calendars/${calendar} ${title}`) ?? 0;
    return times === 1 ? [] : [`"${title}" was acknowledged, and is in the log ${times} times`];
  });
}

function nameOf({ options }: Judged): string {
  const { manner, user, channels, isRestored } = options;
  return `${manner} ${user} (${isRestored ? "chosen: " : ""}${channels.join(" ")})`;
}
