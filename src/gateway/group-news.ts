import type { ShardDescription } from "../placement/index.js";
import { sleep } from "../shards/index.js";
import type { GatewayClock } from "./clock.js";
import { refused } from "./faults.js";
import type { Call } from "./handlers.js";
import { SYSTEM } from "./shard-calls.js";

const WAIT_MS = 3_000;
const LOOK_FIRST_MS = 5;
const LOOK_MAX_MS = 200;

/**
 * Until a shard of calendars has heard of everything that the shard of groups had for it when this was called: whoever was just
 * made a member is invited with the group, and who was just taken out is not.
 */
export async function hearOfGroups(
  clock: GatewayClock,
  call: Call,
  target: ShardDescription,
): Promise<void> {
  const waiting = await awaitLane(clock, call, call.shards.of("groups", ""), target);
  if (!waiting) return;
  throw refused(
    "unreachable",
    `${target.name} has not heard of the latest changes of groups yet: try again`,
  );
}

/** Until a shard has heard of what another one had for it; whether something waits still when the time is up. */
export async function awaitLane(
  clock: GatewayClock,
  { shards, signal }: Call,
  source: ShardDescription,
  target: ShardDescription,
): Promise<boolean> {
  const question = { kind: "list-outbox", target: target.number, after: 0, pageSize: 1 } as const;
  const untilMs = clock.monotonicMs() + WAIT_MS;
  let wanted: number | undefined;
  for (let delayMs = LOOK_FIRST_MS; ; delayMs = Math.min(2 * delayMs, LOOK_MAX_MS)) {
    const { answer } = await shards.read(source, SYSTEM, question);
    wanted ??= answer.outbox.last;
    if (answer.outbox.done >= wanted) return false;
    if (clock.monotonicMs() + delayMs > untilMs) return true;
    await sleep(clock, delayMs, signal);
  }
}
