import type { Client } from "@connectrpc/connect";
import type { Event, EventService } from "../../gen/cabildo/v1/events_pb.js";
import { ChangeKind } from "../../gen/cabildo/v1/sync_pb.js";
import type { Change } from "../../gen/cabildo/v1/sync_pb.js";
import type { Live } from "./live.js";
import { isGone } from "./refusals.js";
import type { Subscription } from "./subscription.js";

const PAGE_SIZE = 500;

export interface CalendarWatcher {
  /** The copy differs from before: one event, or everything where `change` is left out. */
  changed(events: ReadonlyMap<string, Event>, change?: Change): void;
  /** No more is heard, and why. */
  failed(error: unknown): void;
}

/** A local copy of a calendar, by resource name, that is exact as of the last change that was heard. */
export class WatchedCalendar {
  readonly #calendar: string;
  readonly #events: Client<typeof EventService>;
  readonly #live: Live;
  readonly #watcher: CalendarWatcher;
  #copy = new Map<string, Event>();
  #subscription: Subscription | undefined;
  #closed = false;

  /** `calendar` is a resource name such as `calendars/ana`. */
  constructor(
    calendar: string,
    events: Client<typeof EventService>,
    live: Live,
    watcher: CalendarWatcher,
  ) {
    this.#calendar = calendar;
    this.#events = events;
    this.#live = live;
    this.#watcher = watcher;
    this.#run().catch((error: unknown) => {
      if (!this.#closed) watcher.failed(error);
    });
  }

  get events(): ReadonlyMap<string, Event> {
    return this.#copy;
  }

  close(): void {
    this.#closed = true;
    this.#subscription?.end();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const position = await this.#read();
      this.#watcher.changed(this.#copy);
      try {
        await this.#follow(position);
        return;
      } catch (error) {
        // What was missed cannot be had any more: all of it is read again.
        if (!isGone(error)) throw error;
      }
    }
  }

  /**
   * Every page is of the first one's position: the changes after it lead from this copy to the next. The one from
   * before stands until all of the new one is there.
   */
  async #read(): Promise<string> {
    const copy = new Map<string, Event>();
    let position = "";
    let pageToken = "";
    do {
      const page = await this.#events.listEvents({
        parent: this.#calendar,
        pageSize: PAGE_SIZE,
        pageToken,
      });
      if (position === "") ({ position } = page);
      for (const event of page.events) copy.set(event.name, event);
      pageToken = page.nextPageToken;
    } while (pageToken !== "" && !this.#closed);
    this.#copy = copy;
    return position;
  }

  async #follow(position: string): Promise<void> {
    if (this.#closed) return;
    this.#subscription = this.#live.subscribe([this.#calendar], [position]);
    for await (const event of this.#subscription) {
      if (event.kind === "change") this.#apply(event.change);
    }
  }

  #apply(change: Change): void {
    if (change.resource.case === "event" && change.kind !== ChangeKind.DELETED) {
      this.#copy.set(change.resource.value.name, change.resource.value);
    } else if (change.kind === ChangeKind.DELETED) {
      this.#copy.delete(change.resourceName);
    } else return;
    this.#watcher.changed(this.#copy, change);
  }
}
