import { assert } from "../base/index.js";
import type { QueryReply } from "../domain/index.js";
import { NotLoaded } from "../machine/index.js";
import type { KeyRange, Machine, StateKey } from "../machine/index.js";
import { QueryView } from "./loaded-view.js";
import type { EntryCodec, ReadResult } from "./ports.js";

/** A query that keeps asking for more state after this many loads is a bug. */
const LOADS_MAX = 16;

export interface QueryRunnerOptions {
  readonly machine: Machine;
  readonly codec: EntryCodec;
  readonly read: (keys: readonly StateKey[], ranges: readonly KeyRange[]) => Promise<ReadResult>;
}

/**
 * Runs a query over one consistent state: whenever it asks for more, everything that it asked for so far is read again as of
 * one moment, and it starts over.
 */
export async function runQuery(
  options: QueryRunnerOptions,
  bytes: Uint8Array,
): Promise<{ readonly reply: Uint8Array; readonly sequence: number | undefined }> {
  const query = options.codec.decodeQuery(bytes);
  const keys = new Set<StateKey>();
  const ranges: KeyRange[] = [];
  let result: ReadResult | undefined;
  for (let loads = 0; loads < LOADS_MAX; loads++) {
    const view = new QueryView(ranges, result);
    const reply = tryQuery(() => options.machine.query(query, view));
    if (!(reply instanceof NotLoaded)) {
      return { reply: options.codec.encodeQueryReply(reply), sequence: result?.sequence };
    }
    for (const key of reply.need.keys) keys.add(key);
    ranges.push(...reply.need.ranges);
    result = await options.read([...keys], ranges);
  }
  assert(false, "a query asks for ever more state");
}

function tryQuery(run: () => QueryReply): QueryReply | NotLoaded {
  try {
    return run();
  } catch (error) {
    if (error instanceof NotLoaded) return error;
    throw error;
  }
}
