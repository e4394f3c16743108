import { judgeChoices } from "./choices.js";
import type { Heard, Run } from "./history.js";
import { readPosition } from "./positions.js";
import { spansOf, valueFor } from "./rights.js";
import type { Span } from "./rights.js";
import type { SoakSubscriber } from "./subscriber.js";
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
  const { problems, runs, isJoined, options } = subscriber;
  const faults = [...problems];
  if (!isJoined) faults.push("is not subscribed in the end");
  if (options.isRestored) {
    const fault = judgeChoices(options.user, runs, truth);
    if (fault !== undefined) faults.push(fault);
  }
  for (const [shard, log] of truth) {
    if (options.isRestored) {
      const fault = judgeChosen(options.user, runs, shard, log);
      if (fault !== undefined) faults.push(`on ${shard}: ${fault}`);
      continue;
    }
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
  const begins = beginsOf(run, number);
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
  const expected = due.map((change) =>
    expectedOn(user, change, (channel) => channels.includes(channel)),
  );
  return compare(isCutShort ? expected.slice(0, heard.length) : expected, heard);
}

/**
 * The runs of one whose channels are chosen anew go on with each other. Where one ends in a shard nobody says: what came before
 * the last that was heard in it is due by its channels, and everything after that by those of the next, from where each began.
 */
function judgeChosen(
  user: string,
  runs: readonly Run[],
  shard: string,
  { number, changes }: ShardLog,
): string | undefined {
  const stages = runs.map((run) => ({
    begins: beginsOf(run, number),
    heard: run.heard.get(shard) ?? [],
  }));
  const due: Heard[] = [];
  let at = 0;
  let matched = 0;
  for (const change of changes) {
    while (at < stages.length - 1 && matched === stages[at]?.heard.length) {
      at += 1;
      matched = 0;
    }
    const { begins, heard = [] } = stages[at] ?? {};
    const { sequence } = change;
    const isDue = (channel: string): boolean => sequence > (begins?.get(channel) ?? Infinity);
    if (!change.channels.some(isDue)) continue;
    due.push(expectedOn(user, change, isDue));
    if (heard[matched]?.sequence === sequence) matched += 1;
  }
  return compare(
    due,
    stages.flatMap(({ heard }) => heard),
  );
}

/** The sequence of the shard after which each channel began. */
function beginsOf({ begins }: Run, shard: number): ReadonlyMap<string, number> {
  const sequences = new Map<string, number>();
  for (const [channel, position] of begins) {
    const since = readPosition(position).get(shard);
    if (since !== undefined) sequences.set(channel, since);
  }
  return sequences;
}

function expectedOn(
  user: string,
  change: TrueChange,
  isHeard: (channel: string) => boolean,
): Heard {
  const { sequence, channels } = change;
  return { sequence, channel: channels.find(isHeard) ?? "", value: valueFor(user, change) };
}

function compare(due: readonly Heard[], heard: readonly Heard[]): string | undefined {
  const at = due.findIndex((expected, i) => !isSame(expected, heard[i]));
  if (at < 0 && due.length === heard.length) return undefined;
  const place = at < 0 ? due.length : at;
  const around = (list: readonly Heard[]): string =>
    list.map(({ sequence, channel, value }) => `${sequence} on ${channel}: ${value}`).join(", ");
  const dueThen = around(due.slice(place, place + 3));
  const heardThen = around(heard.slice(place, place + 3));
  const counts = `${heard.length} of ${due.length} changes`;
  return `${counts}; from the ${place + 1}th on due ${dueThen}; heard ${heardThen}`;
}

function isSame(one: Heard, other: Heard | undefined): boolean {
  return (
    one.sequence === other?.sequence && one.channel === other.channel && one.value === other.value
  );
}

/** A title or name that was written once, of which its writer heard that it is done. */
export interface Acknowledged {
  /** The one that it belongs to. */
  readonly channel: string;
  readonly title: string;
}

/** What was acknowledged to writers beside what the log holds: each once. One line for each fault. */
export function judgeWritten(written: readonly Acknowledged[], truth: Truth): readonly string[] {
  const found = new Map<string, number>();
  for (const { changes } of truth.values()) {
    for (const { kind, channels, resource } of changes) {
      const title = titleOnce(kind, resource);
      if (title === undefined) continue;
      const key = `${channels[0] ?? ""} ${title}`;
      found.set(key, (found.get(key) ?? 0) + 1);
    }
  }
  return written.flatMap(({ channel, title }) => {
    const times = found.get(`${channel} ${title}`) ?? 0;
    return times === 1 ? [] : [`"${title}" was acknowledged, and is in the log ${times} times`];
  });
}

/** What no two changes of a channel have. */
function titleOnce(kind: TrueChange["kind"], resource: TrueChange["resource"]): string | undefined {
  if (resource.kind === "user") return resource.user.displayName;
  return kind === "created" && resource.kind === "event" ? resource.event.title : undefined;
}

function nameOf({ options }: Judged): string {
  const { manner, user, channels, isRestored } = options;
  return `${manner} ${user} (${isRestored ? "chosen, at first: " : ""}${channels.join(" ")})`;
}
