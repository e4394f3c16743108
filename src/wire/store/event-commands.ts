import type * as pb from "../../../gen/cabildo/store/v1/commands_pb.js";
import type * as resourcesPb from "../../../gen/cabildo/store/v1/resources_pb.js";
import { unreachable } from "../../base/index.js";
import type { Occurrences, Operation } from "../../domain/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import { Malformed, required } from "./decoding.js";
import { EVENT_FIELD, RESPONSE } from "./enums.js";
import { fromEventContent, fromOccurrences, toEventContent, toOccurrences } from "./events.js";

export type EventOperation = Extract<
  Operation,
  {
    kind:
      | "create-event"
      | "update-event"
      | "delete-event"
      | "undelete-event"
      | "create-events"
      | "cancel-event"
      | "respond-event"
      | "delete-events"
      | "extend-series";
  }
>;

type EventCase = Extract<
  pb.Command["operation"],
  {
    case:
      | "createEvent"
      | "updateEvent"
      | "deleteEvent"
      | "undeleteEvent"
      | "createEvents"
      | "cancelEvent"
      | "respondEvent"
      | "deleteEvents"
      | "extendSeries";
  }
>;

export function toEventOperation(operation: EventOperation): EventCase {
  switch (operation.kind) {
    case "create-event":
      return {
        case: "createEvent",
        value: {
          $typeName: "cabildo.store.v1.CreateEvent",
          calendar: operation.calendar,
          event: operation.event,
          content: toEventContent(operation.content),
          group: operation.group ?? "",
          ...occurrencesField(operation),
        },
      };
    case "update-event":
      return {
        case: "updateEvent",
        value: {
          $typeName: "cabildo.store.v1.UpdateEvent",
          calendar: operation.calendar,
          event: operation.event,
          content: toEventContent(operation.content),
          fields: operation.fields.map((field) => EVENT_FIELD.encode(field)),
          etag: operation.etag,
          ...occurrencesField(operation),
        },
      };
    case "delete-event":
      return {
        case: "deleteEvent",
        value: {
          $typeName: "cabildo.store.v1.DeleteEvent",
          calendar: operation.calendar,
          event: operation.event,
          etag: operation.etag,
        },
      };
    case "undelete-event":
      return {
        case: "undeleteEvent",
        value: {
          $typeName: "cabildo.store.v1.UndeleteEvent",
          calendar: operation.calendar,
          event: operation.event,
        },
      };
    case "create-events":
      return {
        case: "createEvents",
        value: {
          $typeName: "cabildo.store.v1.CreateEvents",
          calendar: operation.calendar,
          events: operation.events.map((item) => ({
            $typeName: "cabildo.store.v1.NewEvent" as const,
            event: item.event,
            content: toEventContent(item.content),
            group: item.group ?? "",
            icalUid: item.icalUid ?? "",
            ...occurrencesField(item),
          })),
          absentOnly: operation.absentOnly ?? false,
        },
      };
    case "cancel-event": {
      const { calendar, event, etag } = operation;
      return {
        case: "cancelEvent",
        value: { $typeName: "cabildo.store.v1.CancelEvent", calendar, event, etag },
      };
    }
    case "respond-event": {
      const { calendar, event, comment } = operation;
      const response = RESPONSE.encode(operation.response);
      return {
        case: "respondEvent",
        value: { $typeName: "cabildo.store.v1.RespondEvent", calendar, event, response, comment },
      };
    }
    case "delete-events":
      return {
        case: "deleteEvents",
        value: {
          $typeName: "cabildo.store.v1.DeleteEvents",
          calendar: operation.calendar,
          events: [...operation.events],
        },
      };
    case "extend-series":
      return {
        case: "extendSeries",
        value: {
          $typeName: "cabildo.store.v1.ExtendSeries",
          calendar: operation.calendar,
          event: operation.event,
          dueMs: toInt64(operation.dueMs),
          afterMs: toInt64(operation.afterMs),
          occurrences: toOccurrences(operation.occurrences),
        },
      };
    default:
      return unreachable(operation);
  }
}

export function fromEventOperation(operation: EventCase): EventOperation {
  switch (operation.case) {
    case "createEvent": {
      const { calendar, event, content } = operation.value;
      return {
        kind: "create-event",
        calendar,
        event,
        content: fromEventContent(required(content, "content")),
        ...groupField(operation.value),
        ...fromOccurrencesField(operation.value),
      };
    }
    case "updateEvent": {
      const { calendar, event, content, fields, etag } = operation.value;
      return {
        kind: "update-event",
        calendar,
        event,
        content: fromEventContent(required(content, "content")),
        fields: fields.map((field) => EVENT_FIELD.decode(field)),
        etag,
        ...fromOccurrencesField(operation.value),
      };
    }
    case "deleteEvent": {
      const { calendar, event, etag } = operation.value;
      return { kind: "delete-event", calendar, event, etag };
    }
    case "undeleteEvent": {
      const { calendar, event } = operation.value;
      return { kind: "undelete-event", calendar, event };
    }
    case "createEvents": {
      const { calendar, events, absentOnly } = operation.value;
      return {
        kind: "create-events",
        calendar,
        ...(absentOnly ? { absentOnly } : {}),
        events: events.map((item) => ({
          event: item.event,
          content: fromEventContent(required(item.content, "content")),
          ...groupField(item),
          ...fromOccurrencesField(item),
          ...(item.icalUid === "" ? {} : { icalUid: item.icalUid }),
        })),
      };
    }
    case "cancelEvent": {
      const { calendar, event, etag } = operation.value;
      return { kind: "cancel-event", calendar, event, etag };
    }
    case "respondEvent": {
      const { calendar, event, comment } = operation.value;
      const response = RESPONSE.decode(operation.value.response);
      if (response === "needs-action" || response === "auto-accepted") {
        throw new Malformed(`${response} is no answer`);
      }
      return { kind: "respond-event", calendar, event, response, comment };
    }
    case "deleteEvents": {
      const { calendar, events } = operation.value;
      return { kind: "delete-events", calendar, events };
    }
    case "extendSeries": {
      const { calendar, event, dueMs, afterMs, occurrences } = operation.value;
      return {
        kind: "extend-series",
        calendar,
        event,
        dueMs: toSafeInteger(dueMs),
        afterMs: toSafeInteger(afterMs),
        occurrences: fromOccurrences(required(occurrences, "occurrences")),
      };
    }
    default:
      return unreachable(operation);
  }
}

function occurrencesField({ occurrences }: { readonly occurrences?: Occurrences }): {
  occurrences?: resourcesPb.Occurrences;
} {
  return occurrences === undefined ? {} : { occurrences: toOccurrences(occurrences) };
}

function fromOccurrencesField({
  occurrences,
}: {
  readonly occurrences?: resourcesPb.Occurrences | undefined;
}): {
  readonly occurrences?: Occurrences;
} {
  return occurrences === undefined ? {} : { occurrences: fromOccurrences(occurrences) };
}

function groupField({ group }: { readonly group: string }): { readonly group?: string } {
  return group === "" ? {} : { group };
}
