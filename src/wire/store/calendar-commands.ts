import type * as pb from "../../../gen/cabildo/store/v1/commands_pb.js";
import { unreachable } from "../../base/index.js";
import type { Operation } from "../../domain/index.js";
import { fromCalendarContent, toCalendarContent } from "./calendars.js";
import { required } from "./decoding.js";
import { CALENDAR_FIELD } from "./enums.js";

export type CalendarOperation = Extract<
  Operation,
  { kind: "create-calendar" | "update-calendar" | "delete-calendar" | "set-reader" }
>;

type CalendarCase = Extract<
  pb.Command["operation"],
  { case: "createCalendar" | "updateCalendar" | "deleteCalendar" | "setReader" }
>;

export function toCalendarOperation(operation: CalendarOperation): CalendarCase {
  switch (operation.kind) {
    case "create-calendar":
      return {
        case: "createCalendar",
        value: {
          $typeName: "cabildo.store.v1.CreateCalendar",
          calendar: operation.calendar,
          content: toCalendarContent(operation.content),
        },
      };
    case "update-calendar":
      return {
        case: "updateCalendar",
        value: {
          $typeName: "cabildo.store.v1.UpdateCalendar",
          calendar: operation.calendar,
          fields: operation.fields.map((field) => CALENDAR_FIELD.encode(field)),
          content: toCalendarContent(operation.content),
          etag: operation.etag,
        },
      };
    case "delete-calendar": {
      const { calendar, etag } = operation;
      return {
        case: "deleteCalendar",
        value: { $typeName: "cabildo.store.v1.DeleteCalendar", calendar, etag },
      };
    }
    case "set-reader": {
      const { calendar, reader, reads } = operation;
      return {
        case: "setReader",
        value: { $typeName: "cabildo.store.v1.SetReader", calendar, reader, reads },
      };
    }
    default:
      return unreachable(operation);
  }
}

export function fromCalendarOperation(operation: CalendarCase): CalendarOperation {
  switch (operation.case) {
    case "createCalendar": {
      const { calendar, content } = operation.value;
      const written = fromCalendarContent(required(content, "content"));
      return { kind: "create-calendar", calendar, content: written };
    }
    case "updateCalendar": {
      const { calendar, content, fields, etag } = operation.value;
      return {
        kind: "update-calendar",
        calendar,
        content: fromCalendarContent(required(content, "content")),
        fields: fields.map((field) => CALENDAR_FIELD.decode(field)),
        etag,
      };
    }
    case "deleteCalendar": {
      const { calendar, etag } = operation.value;
      return { kind: "delete-calendar", calendar, etag };
    }
    case "setReader": {
      const { calendar, reader, reads } = operation.value;
      return { kind: "set-reader", calendar, reader, reads };
    }
    default:
      return unreachable(operation);
  }
}
