import type { Mutant } from "./mutant.js";

/** What makes replicas of one log the same. */
export const STATE: readonly Mutant[] = [
  {
    name: "clock-in-apply",
    bug: "applying asks the clock of its machine",
    file: "src/runtime/applier.ts",
    find: "timeMs: Math.max(opened.timeMs, this.#state.timeMs),",
    replace: "timeMs: Date.now(),",
    tests: [],
    seeds: 20,
  },
  {
    name: "chance-in-apply",
    bug: "what a command writes depends on chance",
    file: "src/machine/draft.ts",
    find: "  get nowMs(): number {\n    return this.context.timeMs;\n",
    replace:
      "  get nowMs(): number {\n    return this.context.timeMs + Math.floor(2 * Math.random());\n",
    tests: ["test/machine/determinism.test.ts"],
    seeds: 20,
  },
  {
    name: "order-of-arrival",
    bug: "rows of a range come in the order in which they were written, which a snapshot forgets",
    file: "src/runtime/state-cache.ts",
    find: "    sorted.sort((a, b) => (a.key < b.key ? -1 : 1));\n",
    replace: "",
    tests: ["test/runtime/state-cache.test.ts"],
    seeds: 60,
  },
  {
    name: "ranges-kept",
    bug: "a range that was read for one run of entries is used for the next one, as it was",
    file: "src/runtime/applier.ts",
    find: "      } finally {\n        this.#view.forget();\n",
    replace: "      } finally {\n",
    tests: ["test/runtime/agenda-replicas.test.ts"],
    seeds: 0,
  },
  {
    name: "settled-too-soon",
    bug: "a row that was written again is taken for written when its first write is",
    file: "src/runtime/state-cache.ts",
    find: "if (pending === undefined || pending.round > this.#writtenRound) continue;",
    replace: "if (pending === undefined) continue;",
    tests: ["test/runtime/agenda-replicas.test.ts"],
    seeds: 0,
  },
  {
    name: "integer-rounded",
    bug: "a 64-bit number beyond 2^53 is rounded",
    file: "src/wire/int64.ts",
    find: "  if (value > MAX || value < -MAX) {",
    replace: "  if (value > 2n * MAX * MAX) {",
    tests: ["test/wire/int64.test.ts"],
    seeds: 0,
  },
];
