import { EventService } from "../../../gen/cabildo/v1/events_pb.js";
import type { ExportEventsRequest } from "../../../gen/cabildo/v1/events_pb.js";
import { writeCalendar } from "../../ical/index.js";
import { requireCalendar } from "../calendars.js";
import type { Call } from "../handlers.js";
import { parseCalendar } from "../names.js";
import { Pages } from "../page-tokens.js";
import type { ServiceContext } from "./context.js";

const PAGE_SIZE_DEFAULT = 200;
const { method } = EventService;

/** Each page is a file of its own. */
export async function exportEvents(
  context: ServiceContext,
  call: Call,
  request: ExportEventsRequest,
) {
  const calendar = parseCalendar(request.parent, "parent");
  requireCalendar(call.caller, "event.list", calendar, request.parent);
  const { positions, clock } = context;
  const tokens = context.positionTokens();
  const pages = new Pages(tokens, positions, call.caller, method.exportEvents, request);
  const { after, first } = pages.place;
  const { answer, position } = await call.shards.read(
    call.shards.of("calendars", calendar),
    call.caller,
    {
      kind: "list-events",
      calendars: [calendar],
      conditions: [],
      asAgenda: false,
      withGone: true,
      pageSize: request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize,
      after,
      windowStartMs: 0,
      windowEndMs: 0,
      showDeleted: false,
    },
    pages.notBefore,
  );
  const from = first ?? position;
  const events = answer.events.map((event, i) => ({ event, goneMs: answer.gone?.[i] ?? [] }));
  return {
    icalendar: writeCalendar(events, clock.wallMs()),
    nextPageToken: pages.token(answer.next, from),
    position: context.encode(from),
  };
}
