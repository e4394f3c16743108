import type { Change } from "../domain/index.js";
import { findEndedRight } from "../policy/index.js";
import type { EndedRight } from "../policy/index.js";
import { changeToJson, decodeChange } from "../wire/index.js";
import { eventChannelOf, isPersonal } from "./channels.js";
import type { FeedItem } from "../shards/index.js";

/** What turns a shard's places into the strings that clients keep. */
export interface ShardLabel {
  readonly name: string;
  encode(sequence: number): string;
}

const HEAD = '{"push":{"channel":';

/**
 * One change of a shard as the fan-out gives it out. Decoded and encoded at most once, when somebody wants it; for each
 * channel only the head of the frame differs.
 */
export class FeedChange {
  readonly sequence: number;
  readonly timeMs: number;
  readonly bytes: number;
  /** The channel that the change belongs to. */
  readonly primary: string;
  /** All of them, the primary one first. */
  readonly channels: readonly string[];
  readonly #item: FeedItem;
  readonly #label: ShardLabel;
  #change: Change | undefined;
  #tail: string | undefined;
  #primaryText: { readonly previous: number; readonly text: string } | undefined;

  constructor(item: FeedItem, label: ShardLabel) {
    this.sequence = item.sequence;
    this.timeMs = item.timeMs;
    this.bytes = item.change.byteLength;
    this.channels = orderChannels(item.channels);
    this.primary = this.channels[0] ?? "";
    this.#item = item;
    this.#label = label;
  }

  /** The channel of the event that changed, which the feed does not name; undefined if it was none. */
  get eventChannel(): string | undefined {
    return eventChannelOf(this.#decode().resourceName);
  }

  /** The right that somebody had before it; calendars hold none. */
  get endedRight(): EndedRight | undefined {
    return this.primary.startsWith("calendars/") ? undefined : findEndedRight(this.#decode());
  }

  /** The push on one channel. `previous` is the sequence of the change before on it, 0 if unknown. */
  text(channel: string, previous: number): string {
    if (channel !== this.primary) return this.#compose(channel, previous);
    if (this.#primaryText?.previous !== previous) {
      this.#primaryText = { previous, text: this.#compose(channel, previous) };
    }
    return this.#primaryText.text;
  }

  #compose(channel: string, previous: number): string {
    this.#tail ??= this.#encode();
    return `${HEAD}${JSON.stringify(channel)},"change":{"previousSequence":"${previous}",${this.#tail}}}`;
  }

  /** The change's JSON without its opening brace. */
  #encode(): string {
    const json = changeToJson(this.#decode(), {
      sequence: this.sequence,
      timeMs: this.timeMs,
      shard: this.#label.name,
      position: this.#label.encode(this.sequence),
    });
    // The text is what is asked for from here on.
    this.#change = undefined;
    return json.slice(1);
  }

  #decode(): Change {
    return (this.#change ??= decodeChange(this.#item.change));
  }
}

/** A calendar or group comes before the users whom its change concerns; its owner is one of them. */
function orderChannels(listed: readonly string[]): readonly string[] {
  const primary = listed.find((channel) => !isPersonal(channel));
  if (primary === undefined || primary === listed[0]) return listed;
  return [primary, ...listed.filter((channel) => channel !== primary)];
}
