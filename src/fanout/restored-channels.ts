import type { Caller } from "../domain/index.js";
import type { ChosenChannels } from "../gateway/index.js";
import type { ChannelRequests } from "./channel-requests.js";
import { countingRefused } from "./count-refused.js";
import type { FanoutObserver } from "./events.js";
import { replies } from "./replies.js";
import type { ChannelReply } from "./replies.js";
import type { Subscriptions } from "./subscriptions.js";
import type { Happening } from "./traces.js";

/** What follows a user's choice asks of its connection. */
export interface ChoiceHost {
  readonly isClosed: boolean;
  send(text: string): void;
  /** Of all channels: everything up to there was sent. */
  encodedPosition(): string;
  /** The choice cannot be followed any more: whoever is connected has to begin again. */
  choiceLost(cause: unknown): void;
  /** For whoever traces the connection. */
  trace(happening: Happening): void;
}

export interface ChoiceServices {
  readonly gateway: { chosenChannels(caller: Caller): Promise<ChosenChannels> };
  readonly observer: FanoutObserver;
}

const NOTHING: ChosenChannels = { channels: [], revision: 0 };

/**
 * The channels that a user chose, on one connection: all of them when it asks, and from then on as the choice changes,
 * on whichever device. It is there before the first question, so that a choice that is committed meanwhile comes from the
 * feed. Invariant: choices are followed one after the other, none older than one before.
 */
export class RestoredChannels {
  readonly #host: ChoiceHost;
  readonly #services: ChoiceServices;
  readonly #subscriptions: Subscriptions;
  readonly #requests: ChannelRequests;
  /** The newest that was read or heard of; undefined before the first. */
  #newest: ChosenChannels | undefined;
  /** Revision of the one that holds here. */
  #followed = -1;
  #turn: Promise<void> = Promise.resolve();

  constructor(
    host: ChoiceHost,
    services: ChoiceServices,
    subscriptions: Subscriptions,
    requests: ChannelRequests,
  ) {
    this.#host = host;
    this.#services = services;
    this.#subscriptions = subscriptions;
    this.#requests = requests;
  }

  /** Begins what was chosen, and answers for each channel how. */
  async restore(id: number, caller: Caller, since: readonly string[]): Promise<void> {
    this.#learn(await this.#services.gateway.chosenChannels(caller));
    await this.#inTurn(async () => {
      const choice = this.#newest ?? NOTHING;
      const answers = await countingRefused(this.#services.observer, since, () =>
        this.#requests.restore(caller, choice.channels, since),
      );
      this.#followed = choice.revision;
      this.#tell(replies.restore(id, answers), answers);
    });
  }

  /** The user has chosen anew. */
  chosen(caller: Caller, choice: ChosenChannels): void {
    this.#learn(choice);
    this.#inTurn(() => this.#follow(caller)).catch((cause: unknown) => {
      if (!this.#host.isClosed) this.#host.choiceLost(cause);
    });
  }

  async #follow(caller: Caller): Promise<void> {
    const choice = this.#newest;
    // Before the first answer there is nothing to change.
    if (choice === undefined || this.#followed < 0 || choice.revision <= this.#followed) return;
    const { channels, revision } = choice;
    const dropped = this.#subscriptions.restored.filter((name) => !channels.includes(name));
    const added = channels.filter((name) => this.#subscriptions.find(name) === undefined);
    this.#followed = revision;
    if (dropped.length > 0) {
      this.#subscriptions.unsubscribe(dropped);
      this.#host.send(replies.unsubscribed(dropped));
      this.#services.observer({ kind: "unsubscribed", channels: dropped.length });
      for (const channel of dropped) this.#host.trace({ event: "unsubscribed", channel });
    }
    if (added.length === 0) return;
    const answers = await this.#requests.add(caller, added);
    this.#tell(replies.subscribed(answers, this.#host.encodedPosition()), answers);
  }

  #tell(text: string, answers: readonly ChannelReply[]): void {
    this.#host.send(text);
    const begun = answers.filter((answer) => !("error" in answer));
    this.#services.observer({ kind: "subscribed", channels: begun.length });
    this.#subscriptions.catchUp();
  }

  #learn(choice: ChosenChannels): void {
    if (choice.revision >= (this.#newest?.revision ?? 0)) this.#newest = choice;
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    await done;
  }
}
