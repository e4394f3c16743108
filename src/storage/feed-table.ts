import { assert, ClusterError } from "../base/index.js";
import type { AppliedState, FeedPage, FeedReadOptions, FeedRow } from "../runtime/index.js";
import { CursorReader } from "./cursor-reader.js";
import type { EngineBatch, EngineRow } from "./engine.js";
import type { GenerationKeys } from "./keys.js";
import { numberedKey, numberOfKey, readU64 } from "./keys.js";
import { corruptRow, requireIntact } from "./row-checksum.js";
import { RowReader } from "./row-reader.js";
import type { RowWriter } from "./row-writer.js";
import { getRows } from "./state-view.js";
import type { ReadAccess } from "./state-view.js";

/** Sequences of one channel that are looked up in the feed at once. */
const LOOKUP_ROWS = 256;
/** Of one channel's index: a page of the feed is often made of many channels, and has some hundred rows. */
const INDEX_PAGE_BYTES = 32 * 1024;
const MISSING = "the one before it is missing";

/**
 * Sequences have no gaps.
 * [feed prefix][sequence u64] -> [index u64][timeMs f64][channels][change], and for each of its
 * channels an empty row [feed-index prefix][channel]\0[sequence u64].
 */
export function putFeedRow(
  row: RowWriter,
  batch: EngineBatch,
  generation: GenerationKeys,
  feed: FeedRow,
): void {
  row.begin(generation.feed).u64(feed.sequence).endKey();
  row.u64(feed.index).f64(feed.timeMs).u16(feed.channels.length);
  for (const channel of feed.channels) row.shortText(channel);
  row.bytes(feed.change).put(batch);
  for (const channel of feed.channels) {
    row.begin(generation.feedIndex).utf8(channel).u8(0).u64(feed.sequence).endKey().put(batch);
  }
}

export function readFeedRow([key, stored]: EngineRow): FeedRow {
  return decodeFeedRow(key, requireIntact(key, stored));
}

function decodeFeedRow(key: Buffer, value: Buffer): FeedRow {
  const row = new RowReader(key, value);
  const index = row.u64();
  const timeMs = row.f64();
  const channels = Array.from({ length: row.u16() }, () => row.shortText());
  return { sequence: numberOfKey(key), index, timeMs, channels, change: row.rest() };
}

/**
 * One page as of the moment at which it is called; undefined if rows that belong to it were trimmed
 * and deleted before they could be read: called again at a later moment, it then throws
 * `position-gone`.
 */
export async function readFeedPage(
  access: ReadAccess,
  generation: GenerationKeys,
  applied: AppliedState,
  after: number,
  options: FeedReadOptions,
): Promise<FeedPage | undefined> {
  const { sequence: last, firstSequence } = applied;
  const first = after + 1;
  if (first < firstSequence) throw positionGone(after, firstSequence);
  const page = new PageBuilder(options, after, last);
  if (first > last) return page.finish();
  if (options.channels.length === 0) return scanFeed(access, generation, first, last, page);
  return scanChannels(access, generation, first, last, options, page);
}

class PageBuilder {
  readonly rows: FeedRow[] = [];
  readonly #options: FeedReadOptions;
  readonly #after: number;
  readonly #last: number;
  #bytes = 0;
  #full = false;

  constructor(options: FeedReadOptions, after: number, last: number) {
    assert(options.limit > 0, "a page of the feed has room for a row");
    this.#options = options;
    this.#after = after;
    this.#last = last;
  }

  /** False once the page is full, and then without the row; the first row always fits, and so does the rest of its entry. */
  add(row: FeedRow): boolean {
    const { limit, bytesMax } = this.#options;
    const fits = this.rows.length < limit && this.#bytes + row.change.length <= bytesMax;
    const last = this.rows.at(-1);
    if (!fits && last !== undefined && row.index !== last.index) {
      this.#full = true;
      return false;
    }
    this.rows.push(row);
    this.#bytes += row.change.length;
    return true;
  }

  /** A row was left out. */
  get full(): boolean {
    return this.#full;
  }

  finish(): FeedPage {
    const shown = this.rows.at(-1)?.sequence ?? this.#after;
    return { rows: this.rows, upTo: this.#full ? shown : Math.max(this.#after, this.#last) };
  }
}

async function scanFeed(
  { engine, slots }: ReadAccess,
  generation: GenerationKeys,
  first: number,
  last: number,
  page: PageBuilder,
): Promise<FeedPage> {
  const cursor = engine.cursor({
    gte: numberedKey(generation.feed, first),
    lt: numberedKey(generation.feed, last + 1),
  });
  let expected = first;
  const requireDense = (sequence: number) => {
    if (sequence !== expected++) throw corruptRow(numberedKey(generation.feed, sequence), MISSING);
  };
  await new CursorReader(cursor, slots, generation.replica).drain((row) => {
    const feedRow = readFeedRow(row);
    requireDense(feedRow.sequence);
    return page.add(feedRow);
  });
  if (!page.full) requireDense(last + 1);
  return page.finish();
}

async function scanChannels(
  access: ReadAccess,
  generation: GenerationKeys,
  first: number,
  last: number,
  options: FeedReadOptions,
  page: PageBuilder,
): Promise<FeedPage | undefined> {
  const merged = new MergedChannels(access, generation, first, last, options.channels);
  try {
    for (;;) {
      const sequences = await merged.next(Math.min(LOOKUP_ROWS, options.limit));
      if (sequences.length === 0) return page.finish();
      const keys = sequences.map((sequence) => numberedKey(generation.feed, sequence));
      const values = await getRows(access, generation.replica, keys);
      for (const [at, key] of keys.entries()) {
        const value = values[at];
        if (value === undefined) return undefined;
        if (!page.add(decodeFeedRow(key, value))) return page.finish();
      }
    }
  } finally {
    merged.end();
  }
}

/**
 * The sequences that are on any of the channels, in order, each once. All cursors open at
 * construction.
 */
class MergedChannels {
  readonly #channels: ChannelSequences[];

  constructor(
    { engine, slots }: ReadAccess,
    generation: GenerationKeys,
    first: number,
    last: number,
    channels: readonly string[],
  ) {
    this.#channels = [...new Set(channels)].map((channel) => {
      const cursor = engine.cursor({
        gte: generation.feedIndexKey(channel, first),
        lt: generation.feedIndexKey(channel, last + 1),
        pageBytes: INDEX_PAGE_BYTES,
      });
      return new ChannelSequences(new CursorReader(cursor, slots, generation.replica));
    });
  }

  async next(count: number): Promise<readonly number[]> {
    const sequences: number[] = [];
    while (sequences.length < count) {
      await Promise.all(this.#channels.map((channel) => channel.load()));
      const heads = this.#channels.flatMap(({ head }) => (head === undefined ? [] : [head]));
      if (heads.length === 0) return sequences;
      // Until one channel's page is used up, nothing has to be loaded.
      while (sequences.length < count && !this.#channels.some(({ starved }) => starved)) {
        const lowest = Math.min(...this.#channels.map(({ head }) => head ?? Infinity));
        if (lowest === Infinity) return sequences;
        sequences.push(lowest);
        for (const channel of this.#channels) if (channel.head === lowest) channel.advance();
      }
    }
    return sequences;
  }

  end(): void {
    for (const channel of this.#channels) channel.end();
  }
}

class ChannelSequences {
  readonly #reader: CursorReader;
  #page: readonly number[] = [];
  #at = 0;
  #ended = false;

  constructor(reader: CursorReader) {
    this.#reader = reader;
  }

  get head(): number | undefined {
    return this.#page[this.#at];
  }

  /** The next sequence is not known before another page is loaded. */
  get starved(): boolean {
    return this.head === undefined && !this.#ended;
  }

  async load(): Promise<void> {
    while (this.starved) {
      const rows = await this.#reader.nextPage();
      if (rows === undefined) this.#ended = true;
      this.#page = (rows ?? []).map(([key, stored]) => {
        assert(requireIntact(key, stored).length === 0, "an index row of the feed has no value");
        return readU64(key, key.length - 8);
      });
      this.#at = 0;
    }
  }

  advance(): void {
    this.#at++;
  }

  end(): void {
    this.#reader.end();
  }
}

function positionGone(after: number, firstSequence: number): ClusterError {
  return new ClusterError(
    "position-gone",
    `changes after ${after} were trimmed, the feed begins with ${firstSequence}: ` +
      "read the state anew",
  );
}
