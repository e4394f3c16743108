import type { Mutant } from "./mutant.js";

/** What every subscriber is promised. */
export const LIVE: readonly Mutant[] = [
  {
    name: "resume-repeats",
    bug: "a resumed channel begins with the change of its position, not after it",
    file: "src/fanout/starts.ts",
    find: "asked === undefined ? follower.head : asked.sequence, first",
    replace: "asked === undefined ? follower.head : asked.sequence - 1, first",
    tests: ["test/fanout/known-bugs.test.ts"],
    seeds: 0,
  },
  {
    name: "resume-skips",
    bug: "a resumed channel leaves out the change after its position",
    file: "src/fanout/starts.ts",
    find: "asked === undefined ? follower.head : asked.sequence, first",
    replace: "asked === undefined ? follower.head : asked.sequence + 1, first",
    tests: ["test/fanout/known-bugs.test.ts"],
    seeds: 0,
  },
  {
    name: "slow-one-dropped",
    bug: "a slow connection is taken off the live path, and what comes meanwhile is taken for delivered",
    file: "src/fanout/join.ts",
    find: "{ begin, done: head });",
    replace: "{ begin, done: head + 2 });",
    tests: ["test/fanout/join.test.ts"],
    seeds: 0,
  },
  {
    name: "right-outlives-its-end",
    bug: "who was put out of a group goes on hearing it",
    file: "src/fanout/subscriptions.ts",
    find: "    this.unsubscribe([name]);\n    return true;",
    replace: "    return true;",
    tests: ["test/fanout/rights.test.ts"],
    seeds: 0,
  },
];
