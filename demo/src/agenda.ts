import type { Event, TimedSpan } from "cabildo/v1/events";
import { EventState, Response } from "cabildo/v1/events";
import { byId, make } from "./dom.js";
import { GROUP } from "./town.js";
import type { Person } from "./town.js";
import type { Word, Words } from "./words.js";

const SHOWN_MAX = 4;
const FIRST_HOUR = 10;
const HOUR_MS = 3_600_000;
const SPARK_MS = 700;

const STATES: Readonly<Partial<Record<EventState, Word>>> = {
  [EventState.PENDING]: "pending",
  [EventState.CONFIRMED]: "confirmed",
  [EventState.REJECTED]: "rejected",
  [EventState.CANCELLED]: "cancelled",
};

/** One person's side: an exact copy of the agenda, as the live channel keeps it, and what this person can do. */
export class AgendaSide {
  readonly #root: HTMLElement;
  readonly #person: Person;
  readonly #words: Words;
  readonly #role: "proposes" | "answers";
  readonly #onChange: () => void;
  readonly #shown = new Set<string>();
  #events: readonly Event[] = [];
  /** As it stands in the form, until somebody writes something else there. */
  #idea = 0;
  #busy = false;

  constructor(
    id: "left" | "right",
    person: Person,
    words: Words,
    options: { readonly role: "proposes" | "answers"; readonly onChange: () => void },
  ) {
    this.#root = byId(id);
    this.#person = person;
    this.#words = words;
    this.#role = options.role;
    this.#onChange = options.onChange;
    person.cabildo.watchCalendar(`calendars/${person.id}`, {
      changed: (events, change) => {
        this.#events = newestFirst([...events.values()]);
        this.#draw();
        if (change !== undefined) this.#onChange();
      },
      failed: (error) => this.#root.append(make("p", "trouble", String(error))),
    });
    words.onChange(() => this.#draw());
    this.#draw();
  }

  #draw(): void {
    const { name, id } = this.#person;
    const input = this.#root.querySelector("input");
    const typed = input?.dataset["touched"] === "yes" ? input.value : undefined;
    const head = make(
      "header",
      "",
      make("span", "face", name.slice(0, 1)),
      make(
        "div",
        "",
        make("h2", "", name),
        make("p", "", `${this.#words.of("owner")} `, make("b", "", shardOf(id))),
      ),
    );
    const cards = this.#events.slice(0, SHOWN_MAX).map((event) => this.#card(event));
    const empty = make(
      "p",
      "empty",
      this.#words.of(this.#role === "answers" ? "nothingHere" : "nothing"),
    );
    const form = this.#role === "proposes" ? [this.#form(typed)] : [];
    this.#root.replaceChildren(head, ...form, ...(cards.length === 0 ? [empty] : cards));
  }

  #form(typed: string | undefined): HTMLFormElement {
    const input = make("input", "");
    input.value = typed ?? this.#ideaText();
    if (typed !== undefined) input.dataset["touched"] = "yes";
    input.addEventListener("input", () => (input.dataset["touched"] = "yes"));
    input.maxLength = 80;
    input.required = true;
    input.setAttribute("aria-label", this.#words.of("titleLabel"));
    const button = make("button", "primary", this.#words.of("propose"));
    button.disabled = this.#busy;
    const form = make("form", "propose", input, button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const title = input.value.trim();
      if (title === "" || this.#busy) return;
      this.#idea += 1;
      delete input.dataset["touched"];
      void this.#while(this.#propose(title));
    });
    return form;
  }

  #card(event: Event): HTMLElement {
    const state = STATES[event.state] ?? "pending";
    const people = event.attendees.map(({ user, response }) => {
      const who = user.includes("nora") ? "Nora" : "Ana";
      const answer = responseWord(response);
      return make("li", answer, make("b", "", who), ` ${this.#words.of(answer)}`);
    });
    const answers = this.#role === "answers" && state === "pending" ? [this.#answers(event)] : [];
    const card = make(
      "section",
      `card ${state}`,
      make("span", "state", this.#words.of(state)),
      make("h3", "", event.title),
      make("p", "when", this.#when(event)),
      make("ul", "people", ...people),
      ...answers,
    );
    card.dataset["state"] = state;
    const version = `${event.name} ${state}`;
    if (!this.#shown.has(version)) card.classList.add("new");
    this.#shown.add(version);
    return card;
  }

  #answers(event: Event): HTMLElement {
    const respond = (word: Word, response: Response, className: string): HTMLButtonElement => {
      const button = make("button", className, this.#words.of(word));
      button.type = "button";
      button.disabled = this.#busy;
      button.addEventListener("click", () => {
        const { events } = this.#person.cabildo;
        void this.#while(events.respondEvent({ name: event.name, response }));
      });
      return button;
    };
    return make(
      "div",
      "answers",
      respond("accept", Response.ACCEPTED, "primary"),
      respond("decline", Response.DECLINED, ""),
    );
  }

  #propose(title: string): Promise<Event> {
    const start = nextFree(this.#events);
    const at = (ms: number): { readonly seconds: bigint } => ({ seconds: BigInt(ms / 1000) });
    const value = { startTime: at(start), endTime: at(start + HOUR_MS) };
    return this.#person.cabildo.events.createEvent({
      parent: `calendars/${this.#person.id}`,
      event: { title, group: `groups/${GROUP}`, span: { case: "timed", value } },
    });
  }

  /** The buttons wait for the answer; what it changed comes over the live channel. */
  async #while(call: Promise<unknown>): Promise<void> {
    this.#busy = true;
    this.#draw();
    try {
      await call;
    } catch (error) {
      this.#root.append(make("p", "trouble", error instanceof Error ? error.message : ""));
    } finally {
      this.#busy = false;
      this.#draw();
    }
  }

  #when({ span }: Event): string {
    if (span.case !== "timed") return "";
    return new Date(startOf(span.value)).toLocaleString(this.#words.language, {
      weekday: "long",
      day: "numeric",
      month: "long",
      hour: "numeric",
      minute: "2-digit",
    });
  }

  #ideaText(): string {
    const ideas = this.#words.of("ideas").split("|");
    return ideas[this.#idea % ideas.length] ?? "";
  }
}

/** A change crosses the bridge between the two. */
export function spark(): void {
  const element = byId("spark");
  element.classList.remove("crossing");
  requestAnimationFrame(() => element.classList.add("crossing"));
  setTimeout(() => element.classList.remove("crossing"), SPARK_MS);
}

/** Tomorrow from ten o'clock on, an hour after the other, by the clock of who looks. */
function nextFree(events: readonly Event[]): number {
  const taken = new Set(events.map(({ span }) => span.case === "timed" && startOf(span.value)));
  const start = new Date();
  start.setDate(start.getDate() + 1);
  start.setHours(FIRST_HOUR, 0, 0, 0);
  while (taken.has(start.getTime())) start.setTime(start.getTime() + HOUR_MS);
  return start.getTime();
}

function startOf({ startTime }: TimedSpan): number {
  return Number(startTime?.seconds ?? 0n) * 1000;
}

function newestFirst(events: Event[]): readonly Event[] {
  const made = ({ createTime }: Event): number =>
    Number(createTime?.seconds ?? 0n) * 1000 + (createTime?.nanos ?? 0) / 1e6;
  return events.sort((a, b) => made(b) - made(a));
}

function responseWord(response: Response): "accepted" | "declined" | "asked" {
  switch (response) {
    case Response.ACCEPTED:
    case Response.AUTO_ACCEPTED:
      return "accepted";
    case Response.DECLINED:
      return "declined";
    default:
      return "asked";
  }
}

function shardOf(id: string): string {
  return id < "n" ? "events-am" : "events-nz";
}
