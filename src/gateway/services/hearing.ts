import { ClusterError } from "../../base/index.js";
import type { Change } from "../../domain/index.js";
import { ShownChange } from "../../policy/index.js";
import type { FeedItem, ShardPosition } from "../../shards/index.js";
import { decodeChange } from "../../wire/index.js";
import { mayGoOn } from "../channel-rights.js";
import type { Call } from "../handlers.js";
import type { ChannelGrant } from "../types.js";

/** A change as the caller sees it. */
export interface HeardChange {
  readonly change: Change;
  /** That it is, and not what: something that was seen before is there no more. */
  readonly nameOnly: boolean;
  readonly sequence: number;
  readonly timeMs: number;
}

/**
 * What a caller hears of a calendar: its owner everything, whoever reads it what reads show. A reader's right is asked for again
 * with every part of the feed, as of its end: what was committed after the right ended never goes out.
 */
export class Hearing {
  readonly #call: Call;
  readonly #channel: string;
  readonly #grant: ChannelGrant;
  /** Up to here it was heard, or there was nothing to hear. */
  #done: number;

  /** Refuses with not-found whoever may not hear it. `after`: where to begin; at the present if empty. */
  static async begin(
    call: Call,
    channel: string,
    after: readonly ShardPosition[],
  ): Promise<Hearing> {
    const grant = await call.authorizeChannel(channel, after);
    return new Hearing(call, channel, grant, after[0]?.sequence ?? grant.reader?.asOf ?? 0);
  }

  private constructor(call: Call, channel: string, grant: ChannelGrant, done: number) {
    this.#call = call;
    this.#channel = channel;
    this.#grant = grant;
    this.#done = done;
  }

  /** Refuses with not-found where the right has ended, and with position-gone where it is another one than before. */
  async hear(items: readonly FeedItem[], upTo: ShardPosition): Promise<readonly HeardChange[]> {
    const { caller } = this.#call;
    const changes = items.map(({ change, sequence, timeMs }) => {
      return { change: decodeChange(change), nameOnly: false, sequence, timeMs };
    });
    const { reader } = this.#grant;
    if (reader === undefined || caller.kind !== "user") return changes;
    // Rights end by changes of this shard: where there was none, there is nothing to ask.
    if (items.length === 0 && upTo.sequence === this.#done) return [];
    const again = await this.#call.authorizeChannel(this.#channel, [upTo]);
    if (!mayGoOn(this.#grant, again, this.#done)) throw changed();
    this.#done = upTo.sequence;
    if (reader.seesAll) return changes;
    return changes.flatMap((heard) => {
      const shown = new ShownChange(heard.change);
      const form = shown.to(caller.user);
      return form === undefined ? [] : [{ ...heard, ...shown.as(form) }];
    });
  }
}

function changed(): ClusterError {
  const message = "what you may see of it has changed: list it again, and go on from there";
  return new ClusterError("position-gone", message);
}
