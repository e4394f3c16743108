import { unreachable } from "../base/index.js";
import type { CalendarEvent, EventCondition } from "../domain/index.js";

export function matches(event: CalendarEvent, condition: EventCondition): boolean {
  return isSo(event, condition) !== condition.negated;
}

function isSo(event: CalendarEvent, { field, key, value }: EventCondition): boolean {
  switch (field) {
    case "state":
      return event.state === value;
    case "organizer":
      return event.organizer === value;
    case "attendee":
      return event.attendees.some(({ user }) => user === value);
    case "group":
      return event.group === value;
    case "label":
      return event.labels.some((label) => label.key === key && label.value === value);
    default:
      return unreachable(field);
  }
}
