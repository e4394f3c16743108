/**
 * Writes rounds into the store in a directory until it is killed. It prints the log's end before
 * each round as "writing" and after it as "wrote". Its data are a function of index and term, so
 * that the parent can check them.
 */
import { writeSync } from "node:fs";
import { openRocksDbStore } from "../../src/storage/index.js";
import { append, appliedAt, entries, MEMBERS } from "./samples.js";

/** As in crash-writer.ts, which is not imported: a process that is killed needs no test library. */
const CRASH_REPLICA = 7;

const [directory = "", seed = "1"] = process.argv.slice(2);
let state = Number(seed);
const below = (bound: number) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 8) % bound;
};

const store = await openRocksDbStore({ directory, cacheBytes: 4 * 1024 * 1024 });
const opened = await store.openReplica(CRASH_REPLICA, MEMBERS);
let { lastIndex } = opened;
let applied = opened.applied.index;
let term = opened.hardState.term + 1;
const report = (word: string, end: number) => writeSync(1, `${word} ${end} ${term}\n`);

report(opened.lost === undefined ? "open" : "lost", lastIndex);
for (;;) {
  if (below(20) === 0) term++;
  const shortens = below(10) === 0 && lastIndex > applied;
  const from = shortens ? applied + 1 + below(lastIndex - applied) : lastIndex + 1;
  const log = entries(from, ...Array.from({ length: 1 + below(64) }, () => term));
  lastIndex = from + log.length - 1;
  report("writing", lastIndex);
  await append(store, CRASH_REPLICA, log);
  report("wrote", lastIndex);
  if (below(4) > 0) continue;
  const [entry] = await store.readEntries(CRASH_REPLICA, lastIndex, lastIndex + 1, 1);
  const reached = appliedAt(lastIndex, { term: entry?.term ?? 0, sequence: 0 });
  const value = new TextEncoder().encode(`${lastIndex}`);
  const round = { writes: [{ key: "applied", value }], feed: [], state: reached };
  const compactTo = { index: lastIndex, term: reached.term };
  const compact = below(8) === 0 ? { compactTo } : {};
  await store.write([{ replica: CRASH_REPLICA, applied: round, ...compact }], false);
  applied = lastIndex;
}
