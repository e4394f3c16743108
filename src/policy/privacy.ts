import type { Visibility } from "../domain/index.js";

/** What a caller is to an event, the nearest that holds. */
export type Relation =
  /** Whose calendar it is in, who organises it, or who leads the group whose calendar it is in. */
  | "owner"
  /** Who is invited to it. */
  | "attendee"
  /** Who may read the calendar: a reader, everyone where it is public, a member of the group whose it is. */
  | "reader"
  /** Who ranks strictly higher than its owner in a hierarchical group of both. */
  | "superior"
  /** Who is in a group with its owner. */
  | "peer"
  | "stranger";

/** What there is to see: everything, only that time is taken, or nothing, which looks as if there were no event. */
export type Sight = "details" | "busy" | "nothing";

/** The one table of privacy; docs/PRIVACY.md shows it. */
export const PRIVACY: Readonly<Record<Visibility, Readonly<Record<Relation, Sight>>>> = {
  public: {
    owner: "details",
    attendee: "details",
    reader: "details",
    superior: "details",
    peer: "details",
    stranger: "details",
  },
  default: {
    owner: "details",
    attendee: "details",
    reader: "details",
    superior: "details",
    peer: "busy",
    stranger: "nothing",
  },
  "busy-only": {
    owner: "details",
    attendee: "details",
    reader: "busy",
    superior: "busy",
    peer: "busy",
    stranger: "nothing",
  },
  private: {
    owner: "details",
    attendee: "details",
    reader: "busy",
    superior: "busy",
    peer: "nothing",
    stranger: "nothing",
  },
};

export function sightOf(visibility: Visibility, relation: Relation): Sight {
  return PRIVACY[visibility][relation];
}
