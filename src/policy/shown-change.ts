import { unreachable } from "../base/index.js";
import type { CalendarEvent, Change, Visibility } from "../domain/index.js";
import { relationToEvent, seenAs } from "./seen-as.js";

/** How a change of an event goes out: all of it, that time is taken (anew or otherwise), or that there is nothing any more. */
export type Form = "details" | "busy-created" | "busy-updated" | "gone";

const NO_ONE: ReadonlySet<string> = new Set();

/** What one change is to each of those who read its calendar, by the same table as reads. */
export class ShownChange {
  /** To those who have no part in the event; undefined: nothing. */
  readonly common: Form | undefined;
  readonly #change: Change;
  readonly #event: CalendarEvent | undefined;
  readonly #defaultVisibility: Visibility;
  readonly #formerly: ReadonlySet<string>;

  constructor(change: Change) {
    const { resource, toReaders = "nothing", formerly = [], defaultVisibility } = change;
    this.#change = change;
    this.#event = resource.kind === "event" ? resource.event : undefined;
    this.#defaultVisibility = defaultVisibility ?? "default";
    this.#formerly = formerly.length === 0 ? NO_ONE : new Set(formerly);
    if (this.#event === undefined) this.common = "details";
    else this.common = toReaders === "nothing" ? undefined : toReaders;
  }

  /** Whether it is the same to all readers. */
  get isCommon(): boolean {
    return this.#event === undefined || this.common === "details";
  }

  /** To one reader; undefined: nothing. */
  to(user: string): Form | undefined {
    const event = this.#event;
    if (event === undefined || this.common === "details") return this.common;
    if (relationToEvent(user, event, "reader") !== "reader") return "details";
    if (!this.#formerly.has(user)) return this.common;
    return this.#seen === undefined ? "gone" : "busy-updated";
  }

  as(form: Form): { readonly change: Change; readonly nameOnly: boolean } {
    const change = this.#change;
    switch (form) {
      case "details":
        return { change, nameOnly: false };
      case "busy-created":
      case "busy-updated": {
        const event = this.#seen;
        const kind = form === "busy-created" ? "created" : "updated";
        if (event === undefined) return this.#gone();
        const shown = { ...change, kind, revision: 0, resource: { kind: "event", event } } as const;
        return { change: shown, nameOnly: false };
      }
      case "gone":
        return this.#gone();
      default:
        return unreachable(form);
    }
  }

  get #seen(): CalendarEvent | undefined {
    return this.#event && seenAs(this.#event, "reader", this.#defaultVisibility);
  }

  #gone(): { readonly change: Change; readonly nameOnly: boolean } {
    return { change: { ...this.#change, kind: "deleted", revision: 0 }, nameOnly: true };
  }
}
