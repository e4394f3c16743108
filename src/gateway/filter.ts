import type { EventCondition } from "../domain/index.js";
import { fieldFault } from "./faults.js";
import { parseGroup, parseUser } from "./names.js";

const CONDITIONS_MAX = 16;
const TERM =
  /^\s*([a-z_]+(?:\.(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"))?)\s*(!?=)\s*("(?:[^"\\]|\\.)*"|[^\s"]+)\s*/;
const STATES = ["pending", "confirmed", "rejected", "cancelled"] as const;

/**
 * The part of the filter language of AIP-160 that lists of events know: `field = value` and `field != value`, joined by AND.
 * Empty for no condition.
 */
export function parseFilter(text: string): readonly EventCondition[] {
  const conditions: EventCondition[] = [];
  let rest = text.trim();
  while (rest !== "") {
    const [whole, name = "", operator, value = ""] = TERM.exec(rest) ?? [];
    if (whole === undefined) throw fault(`${rest} is not understood: write field = value`);
    conditions.push(conditionOf(name, unquote(value), operator === "!="));
    rest = rest.slice(whole.length);
    if (rest === "") break;
    if (!/^AND\s/.test(rest)) throw fault(`${rest}: conditions are joined by AND`);
    rest = rest.slice("AND".length).trim();
    if (rest === "") throw fault("nothing follows AND");
  }
  if (conditions.length > CONDITIONS_MAX) throw fault(`at most ${CONDITIONS_MAX} conditions`);
  return conditions;
}

function conditionOf(name: string, value: string, negated: boolean): EventCondition {
  if (name.startsWith("labels.")) {
    return { field: "label", key: unquote(name.slice("labels.".length)), value, negated };
  }
  switch (name) {
    case "state": {
      const state = STATES.find((candidate) => candidate.toUpperCase() === value);
      if (state === undefined) throw fault(`state is one of ${STATES.join(", ").toUpperCase()}`);
      return { field: "state", key: "", value: state, negated };
    }
    case "organizer":
    case "owner":
      return { field: "organizer", key: "", value: parseUser(value, `filter: ${name}`), negated };
    case "attendee":
      return { field: "attendee", key: "", value: parseUser(value, "filter: attendee"), negated };
    case "group":
      return { field: "group", key: "", value: parseGroup(value, "filter: group"), negated };
    default:
      throw fault(`${name} is no field: state, organizer, attendee, group and labels.KEY are`);
  }
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll(/\\(.)/g, "$1") : text;
}

function fault(description: string): Error {
  return fieldFault("filter", description);
}
