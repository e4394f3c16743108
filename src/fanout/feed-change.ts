import { changeToJson } from "../wire/change-json.js";
import { decodeChange } from "../wire/store/index.js";
import { isPersonal, ownerChannel } from "./channels.js";
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
  /** The users whom it concerns, without the primary channel. */
  readonly personal: readonly string[];
  /** All of them, the primary one first. */
  readonly channels: readonly string[];
  readonly #item: FeedItem;
  readonly #label: ShardLabel;
  #tail: string | undefined;
  #primaryText: { readonly previous: number; readonly text: string } | undefined;

  constructor(item: FeedItem, label: ShardLabel) {
    this.sequence = item.sequence;
    this.timeMs = item.timeMs;
    this.bytes = item.change.byteLength;
    this.channels = orderChannels(item.channels);
    this.primary = this.channels[0] ?? "";
    this.personal = this.channels.slice(1);
    this.#item = item;
    this.#label = label;
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
    const change = decodeChange(this.#item.change);
    const json = changeToJson(change, {
      sequence: this.sequence,
      timeMs: this.timeMs,
      shard: this.#label.name,
      position: this.#label.encode(this.sequence),
    });
    return json.slice(1);
  }
}

/** The one that is not a user's comes first; owners of calendars are added. */
function orderChannels(listed: readonly string[]): readonly string[] {
  const ordered = new Set(listed.filter((channel) => !isPersonal(channel)));
  for (const channel of listed) {
    if (isPersonal(channel)) ordered.add(channel);
    const owner = ownerChannel(channel);
    if (owner !== undefined) ordered.add(owner);
  }
  return [...ordered];
}
