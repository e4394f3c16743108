import { assert } from "../base/index.js";
import type { QueryReply } from "../domain/index.js";
import { NotLoaded } from "../machine/index.js";
import type { KeyRange, Machine, StateKey } from "../machine/index.js";
import { LoadedView } from "./loaded-view.js";
import type { EntryCodec, ReadResult } from "./ports.js";
import type { StateCache } from "./state-cache.js";

/** A question that keeps asking for more state after this many loads is a bug. Those that try commands ask as often as these. */
const LOADS_MAX = 16;

export interface QueryRunnerOptions {
  readonly machine: Machine;
  readonly codec: EntryCodec;
  readonly cache: StateCache;
  readonly read: (keys: readonly StateKey[], ranges: readonly KeyRange[]) => Promise<ReadResult>;
  /** Of the last change that is applied. */
  readonly sequence: () => number;
  readonly featureLevel: () => number;
}

/**
 * Runs a query over the state as it is applied at the moment of its last try: whenever it asks for more, that is read from the
 * disk and it starts over.
 */
export async function runQuery(
  { machine, codec, cache, read, sequence, featureLevel }: QueryRunnerOptions,
  bytes: Uint8Array,
): Promise<{ readonly reply: Uint8Array; readonly sequence: number }> {
  const query = codec.decodeQuery(bytes);
  const pin = cache.pin();
  try {
    let { generation } = cache;
    let view = new LoadedView(cache);
    const loadsMax = query.question.kind === "try-commands" ? Infinity : LOADS_MAX;
    for (let loads = 0; loads < loadsMax; loads++) {
      const reply = tryQuery(() => machine.query(query, view, featureLevel()));
      if (!(reply instanceof NotLoaded)) {
        return { reply: codec.encodeQueryReply(reply), sequence: sequence() };
      }
      const result = await read(reply.need.keys, reply.need.ranges);
      if (cache.generation === generation) {
        view.fill(reply.need.ranges, result);
        assert(view.has(reply.need), "the store did not read what was asked of it");
      } else {
        // A snapshot replaced the state meanwhile.
        generation = cache.generation;
        view = new LoadedView(cache);
      }
    }
    assert(false, "a query asks for ever more state");
  } finally {
    cache.unpin(pin);
  }
}

function tryQuery(run: () => QueryReply): QueryReply | NotLoaded {
  try {
    return run();
  } catch (error) {
    if (error instanceof NotLoaded) return error;
    throw error;
  }
}
