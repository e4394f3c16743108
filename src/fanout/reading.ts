import { ClusterError } from "../base/index.js";
import type { Caller } from "../domain/index.js";
import { mayGoOn } from "../gateway/index.js";
import type { ChannelGrant, Gateway } from "../gateway/index.js";
import type { Line } from "./line.js";
import type { Reader } from "./readers.js";

export interface ReadingHost {
  readonly gateway: Pick<Gateway, "authorizeChannel">;
  isClosed(): boolean;
  /** Nothing of the channel goes out any more. */
  ended(error: ClusterError): void;
  /** Whether it goes on cannot be told. */
  unanswered(cause: unknown): void;
}

/**
 * One connection's right to hear a calendar that is another's, or an event of it. It ends, or is asked for again, at a committed
 * change of the calendar's shard. Invariant: while it is asked for, nothing goes out, and the channel's position stays.
 */
export class Reading implements Reader {
  readonly channel: string;
  readonly user: string;
  readonly #line: Line;
  readonly #caller: Caller;
  readonly #host: ReadingHost;
  #grant: ChannelGrant;
  /** Change of which it is asked for again; undefined where it is not. */
  #doubt: number | undefined;
  #closed = false;

  constructor(line: Line, channel: string, caller: Caller, grant: ChannelGrant, host: ReadingHost) {
    this.#line = line;
    this.channel = channel;
    this.user = caller.kind === "user" ? caller.user : "";
    this.#caller = caller;
    this.#grant = grant;
    this.#host = host;
    line.follower.readers.add(this);
  }

  get through(): readonly string[] {
    return this.#grant.reader?.through ?? [];
  }

  get asMember(): boolean {
    return this.#grant.reader?.asMember === true;
  }

  ended(sequence: number): void {
    if (this.#isKnown(sequence)) return;
    this.#end(new ClusterError("not-found", `${this.channel} was not found`));
  }

  doubted(sequence: number): void {
    if (this.#isKnown(sequence)) return;
    const isAsked = this.#doubt !== undefined;
    this.#doubt = sequence;
    this.#line.hold(this.channel);
    if (!isAsked) void this.#ask();
  }

  close(): void {
    this.#closed = true;
    this.#line.follower.readers.delete(this);
  }

  /** The state by which the right was given had it: the follower of the feed was behind that. */
  #isKnown(sequence: number): boolean {
    return sequence <= (this.#grant.reader?.asOf ?? 0);
  }

  async #ask(): Promise<void> {
    try {
      let grant: ChannelGrant | undefined;
      let asked: number | undefined;
      // What was asked for before a newer doubt says nothing of it.
      while (!this.#closed && !this.#host.isClosed() && asked !== this.#doubt) {
        asked = this.#doubt;
        grant = await this.#askAsOf(asked ?? 0);
      }
      if (grant !== undefined && !this.#closed && !this.#host.isClosed()) this.#goOn(grant);
    } catch (error) {
      if (this.#closed || this.#host.isClosed()) return;
      if (error instanceof ClusterError && error.code === "not-found") this.#end(error);
      else this.#host.unanswered(error);
    }
  }

  async #askAsOf(sequence: number): Promise<ChannelGrant> {
    const { shard, epoch } = this.#line.follower;
    const after = [{ shard: shard.number, epoch, sequence }];
    return await this.#host.gateway.authorizeChannel(this.#caller, this.channel, after);
  }

  #goOn(again: ChannelGrant): void {
    if (!mayGoOn(this.#grant, again, this.#line.doneOf(this.channel))) {
      const message = "what you may see of it has changed: read again what you show";
      this.#end(new ClusterError("position-gone", message));
      return;
    }
    this.#grant = again;
    this.#doubt = undefined;
    this.#line.release(this.channel);
  }

  #end(error: ClusterError): void {
    if (!this.#closed) this.#host.ended(error);
  }
}
