import { readPosition } from "./positions.js";
import type { Heard, SoakSubscriber } from "./subscriber.js";
import type { Truth, TrueChange } from "./truth.js";

/**
 * What a subscriber heard beside what the log holds: nothing that was not allowed at its sequence, everything that was
 * allowed throughout, exactly once, in the order of its shard, values too. One line for each fault.
 */
export function judge(
  subscriber: SoakSubscriber,
  truth: Truth,
  shardNumbers: ReadonlyMap<string, number>,
): readonly string[] {
  const faults: string[] = [...subscriber.problems];
  for (const [shard, changes] of truth) {
    const heard = subscriber.heard.filter((item) => item.shard === shard);
    const number = shardNumbers.get(shard) ?? 0;
    const judgeShard = subscriber.options.isRevocable ? judgeRevocable : judgeWhole;
    const fault = judgeShard(subscriber, changes, heard, number) ?? judgeValues(changes, heard);
    if (fault !== undefined) faults.push(`${nameOf(subscriber)} on ${shard}: ${fault}`);
  }
  return faults;
}

function judgeWhole(
  { begun, options }: SoakSubscriber,
  changes: readonly TrueChange[],
  heard: readonly Heard[],
  shard: number,
): string | undefined {
  const [first] = begun;
  const due = options.channels.flatMap((channel, i) => {
    const since = readPosition(first?.positions[i] ?? "").get(shard);
    if (since === undefined) return [];
    return changes.filter(
      ({ sequence, channels }) => sequence > since && channels.includes(channel),
    );
  });
  const expected = [...new Set(due.map(({ sequence }) => sequence))].sort((a, b) => a - b);
  return compare(
    expected,
    heard.map(({ sequence }) => sequence),
  );
}

/** Each time that it was let in, a run without a hole, within the time of one membership. */
function judgeRevocable(
  { begun, options }: SoakSubscriber,
  changes: readonly TrueChange[],
  all: readonly Heard[],
): string | undefined {
  const [channel = ""] = options.channels;
  const on = changes.filter(({ channels }) => channels.includes(channel));
  // A shard of calendars has its own account of who is a member.
  const accounts = [channel, `standing/${options.group}`];
  let memberships = 0;
  let isMember = false;
  const allowed = new Map<number, number>();
  for (const { sequence, kind, member, channels } of changes) {
    if (!accounts.some((account) => channels.includes(account))) continue;
    if (member === options.user) {
      if (kind === "created") memberships += 1;
      isMember = kind !== "deleted";
    }
    if (isMember) allowed.set(sequence, memberships);
  }
  const order = on.map(({ sequence }) => sequence);
  for (const [i, { at }] of begun.entries()) {
    const end = begun[i + 1]?.at ?? all.length;
    const run = all.slice(at, end).map(({ sequence }) => sequence);
    const forbidden = run.find((sequence) => !allowed.has(sequence));
    if (forbidden !== undefined) return `heard ${forbidden}, which was not for ${options.user}`;
    const from = order.indexOf(run[0] ?? 0);
    const fault = run.length === 0 ? undefined : compare(order.slice(from, from + run.length), run);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function judgeValues(changes: readonly TrueChange[], heard: readonly Heard[]): string | undefined {
  const bySequence = new Map(changes.map((change) => [change.sequence, change]));
  for (const { sequence, title, resourceName } of heard) {
    const change = bySequence.get(sequence);
    if (change?.title !== title || change.resourceName !== resourceName) {
      return `${sequence} was shown as ${resourceName} "${title}", and is ${JSON.stringify(change)}`;
    }
  }
  return undefined;
}

function compare(expected: readonly number[], heard: readonly number[]): string | undefined {
  const at = expected.findIndex((sequence, i) => heard[i] !== sequence);
  if (at < 0 && expected.length === heard.length) return undefined;
  const place = at < 0 ? expected.length : at;
  const around = (list: readonly number[]): string => list.slice(place, place + 3).join(", ");
  const counts = `${heard.length} of ${expected.length} changes`;
  return `${counts}; from the ${place + 1}th on due ${around(expected)}, heard ${around(heard)}`;
}

function nameOf({ options }: SoakSubscriber): string {
  return `${options.manner} ${options.user} (${options.channels.join(" ")})`;
}
