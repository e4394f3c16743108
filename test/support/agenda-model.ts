import type { CalendarEvent, EventState, Response } from "../../src/domain/index.js";

interface Group {
  readonly kind: "hierarchical" | "peer";
  /** Empty for none. */
  readonly parent: string;
  /** Those who are in it by themselves. */
  readonly members: Map<string, number>;
  deleted: boolean;
}

export interface ModelEvent {
  readonly organizer: string;
  /** Empty for none. */
  readonly group: string;
  responses: Map<string, Response>;
  sequence: number;
  cancelled: boolean;
  deleted: boolean;
}

/** What a person may ask of the model; names of fields are those of the steps of the tests. */
export interface ModelStep {
  readonly kind: string;
  readonly user?: string;
  readonly event?: string;
  readonly users?: readonly string[];
  readonly group?: string;
  readonly response?: Response;
}

/** The rules of invitations and decisions written down once more, as simply as they can be: one book, no shards. */
export class AgendaModel {
  readonly events = new Map<string, ModelEvent>();
  readonly #groups: ReadonlyMap<string, Group>;

  constructor(
    ranks: Readonly<Record<string, number>>,
    deskRanks: Readonly<Record<string, number>>,
  ) {
    const group = (kind: Group["kind"], own: Readonly<Record<string, number>>, parent = "") => {
      return { kind, parent, members: new Map(Object.entries(own)), deleted: false };
    };
    this.#groups = new Map([
      ["office", group("hierarchical", ranks)],
      ["choir", group("peer", ranks)],
      ["desk", group("peer", deskRanks, "office")],
    ]);
  }

  /** Everyone in a group with their rank, by themselves or through the groups above; the nearest place counts. */
  #membersOf(id: string): ReadonlyMap<string, number> {
    const group = this.#groups.get(id);
    if (group === undefined || group.deleted) return new Map();
    return new Map([...this.#membersOf(group.parent), ...group.members]);
  }

  stateOf({ cancelled, group, responses }: ModelEvent): EventState {
    if (cancelled) return "cancelled";
    if (this.#groups.get(group)?.kind !== "peer") return "confirmed";
    return unanimous([...responses.values()]);
  }

  /** The same of an event as it is stored, where nobody is optional. */
  static stateFor({ state, rule, attendees }: CalendarEvent): EventState {
    if (state === "cancelled") return "cancelled";
    return rule === "unanimous" ? unanimous(attendees.map((one) => one.response)) : "confirmed";
  }

  /** Whether it is done. */
  take({
    kind,
    user = "",
    event: id = "",
    users = [],
    group: of = "",
    response,
  }: ModelStep): boolean {
    const event = this.events.get(id);
    const group = this.#groups.get(of);
    switch (kind) {
      case "invite": {
        if (event !== undefined) return false;
        const others = users.filter((other) => other !== user);
        this.#add(
          id,
          user,
          "",
          others.map((other) => [other, "needs-action"]),
        );
        return true;
      }
      case "convene": {
        const members = this.#membersOf(of);
        const own = members.get(user);
        if (event !== undefined || group === undefined || group.deleted || own === undefined)
          return false;
        const asked = [...members].map(([member, rank]): [string, Response] => {
          if (member === user) return [member, "accepted"];
          const imposed = group.kind === "hierarchical" && rank < own;
          return [member, imposed ? "auto-accepted" : "needs-action"];
        });
        this.#add(id, user, of, asked);
        return true;
      }
      case "respond": {
        const said = event?.responses.get(user);
        if (event === undefined || event.deleted || event.cancelled || event.organizer === user)
          return false;
        if (said === undefined || said === "auto-accepted" || response === undefined) return false;
        event.responses.set(user, response);
        return true;
      }
      case "move":
        if (event === undefined || event.deleted || event.cancelled) return false;
        event.sequence++;
        for (const [other, said] of event.responses) {
          if (other !== event.organizer && said !== "auto-accepted")
            event.responses.set(other, "needs-action");
        }
        return true;
      case "cancel":
        if (event === undefined || event.deleted || event.cancelled) return false;
        event.cancelled = true;
        return true;
      case "delete":
        if (event === undefined || event.deleted) return false;
        event.deleted = true;
        return true;
      case "undelete":
        if (event?.deleted !== true) return false;
        event.deleted = false;
        this.#catchUp(event);
        return true;
      case "leave":
        if (group === undefined || group.deleted || !group.members.delete(user)) return false;
        this.#catchUpAll();
        return true;
      case "disband":
        if (group === undefined || group.deleted) return false;
        if ([...this.#groups.values()].some((one) => one.parent === of && !one.deleted))
          return false;
        group.deleted = true;
        this.#catchUpAll();
        return true;
      default:
        throw new Error(`the model knows no ${kind}`);
    }
  }

  #add(id: string, organizer: string, group: string, asked: readonly [string, Response][]): void {
    const responses = new Map(asked);
    const state = { sequence: 0, cancelled: false, deleted: false };
    this.events.set(id, { organizer, group, responses, ...state });
  }

  #catchUpAll(): void {
    for (const event of this.events.values()) {
      if (!event.deleted && !event.cancelled) this.#catchUp(event);
    }
  }

  #catchUp(event: ModelEvent): void {
    const group = this.#groups.get(event.group);
    if (group === undefined) return;
    if (group.deleted) event.cancelled = true;
    else {
      const members = this.#membersOf(event.group);
      event.responses = new Map([...event.responses].filter(([user]) => members.has(user)));
    }
  }
}

function unanimous(responses: readonly Response[]): EventState {
  if (responses.includes("declined")) return "rejected";
  const open = responses.filter((one) => one !== "accepted" && one !== "auto-accepted");
  return open.length === 0 ? "confirmed" : "pending";
}
