import type { Change } from "../domain/index.js";
import { changeToJson, decodeChange } from "../wire/index.js";
import { eventChannelOf, isPersonal } from "./channels.js";
import { findEffect } from "./effect.js";
import type { Effect } from "./effect.js";
import { ShownChange } from "../policy/index.js";
import type { Form } from "../policy/index.js";
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
  #shown: ShownChange | undefined;
  readonly #tails = new Map<Form, string>();
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

  /** Its shard's name. */
  get shard(): string {
    return this.#label.name;
  }

  /** The channel of the event that changed, which the feed does not name; undefined if it was none. */
  get eventChannel(): string | undefined {
    return eventChannelOf(this.#decode().resourceName);
  }

  /** Whether it belongs to a calendar: then it ends rights of readers alone. */
  get isOfCalendar(): boolean {
    return this.primary.startsWith("calendars/");
  }

  get effect(): Effect | undefined {
    return findEffect(this.#decode());
  }

  /** What it is to those who read its calendar. */
  get shown(): ShownChange {
    return (this.#shown ??= new ShownChange(this.#decode()));
  }

  /** The push on one channel. `previous` is the sequence of the change before on it, 0 if unknown. */
  text(channel: string, previous: number, form: Form = "details"): string {
    if (channel !== this.primary || form !== "details") {
      return this.#compose(channel, previous, form);
    }
    if (this.#primaryText?.previous !== previous) {
      this.#primaryText = { previous, text: this.#compose(channel, previous, form) };
    }
    return this.#primaryText.text;
  }

  #compose(channel: string, previous: number, form: Form): string {
    let tail = this.#tails.get(form);
    if (tail === undefined) this.#tails.set(form, (tail = this.#encode(form)));
    return `${HEAD}${JSON.stringify(channel)},"change":{"previousSequence":"${previous}",${tail}}}`;
  }

  /** The change's JSON without its opening brace. */
  #encode(form: Form): string {
    // Most changes go out whole: what readers see of them is not worked out.
    const { change, nameOnly } =
      form === "details" ? { change: this.#decode(), nameOnly: false } : this.shown.as(form);
    const json = changeToJson(change, {
      nameOnly,
      sequence: this.sequence,
      timeMs: this.timeMs,
      shard: this.#label.name,
      position: this.#label.encode(this.sequence),
    });
    // The text is what is asked for from here on.
    if (this.#shown === undefined) this.#change = undefined;
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
