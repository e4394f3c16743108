import { create, toJsonString } from "@bufbuild/protobuf";
import { FieldMaskSchema, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import { EventSchema, ListEventsResponseSchema } from "../../../gen/cabildo/v1/events_pb.js";
import type { Event } from "../../../gen/cabildo/v1/events_pb.js";
import { openCabildo } from "../client/api.js";
import type { Context } from "../client/context-file.js";
import { currentSession } from "../client/current-session.js";
import { parseTime, requireTimeZone } from "../client/zoned-time.js";
import {
  OUTPUT_OPTION,
  examples,
  parseWhole,
  print,
  say,
  UsageError,
} from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { formatEvent, formatEvents } from "./event-text.js";
import { DEFAULT_MINUTES, parseSpan } from "./event-span.js";

interface OutputOptions {
  readonly output: Output;
}

interface ContentOptions extends OutputOptions {
  readonly calendar?: string;
  readonly title?: string;
  readonly start?: string;
  readonly end?: string;
  readonly minutes?: number;
  readonly zone?: string;
  readonly location?: string;
  readonly description?: string;
  readonly etag?: string;
}

interface ListOptions extends OutputOptions {
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
  readonly deleted?: true;
}

const PAGE_SIZE = 50;

export function addEvent(program: Command): void {
  const event = program
    .command("event")
    .description("make, list and change events")
    .addHelpText("after", examples('event create "Lunch" --start 2026-12-01T13:00', "event list"));
  const withContent = (command: Command): Command =>
    command
      .option("--start <time>", "2026-12-01T10:00 in your zone, or 2026-12-01 for a whole day")
      .option("--end <time>", "when it ends; a day is exclusive")
      .option("--minutes <n>", `how long it takes, ${DEFAULT_MINUTES} if left out`, parseWhole)
      .option("--zone <name>", "zone of the times, such as Europe/Madrid; yours if left out")
      .option("--location <text>")
      .option("--description <text>")
      .addOption(OUTPUT_OPTION);

  withContent(event.command("create").description("put an event into a calendar"))
    .argument("<title>")
    .option("--calendar <key>", "calendar to put it in; yours if left out")
    .addHelpText("after", examples('event create "Lunch" --start 2026-12-01T13:00'))
    .action(createEvent);
  event
    .command("list")
    .description("list the events of a calendar by start time")
    .argument("[calendar]", "key of the calendar; yours if left out")
    .option("--from <time>", "events that end after this")
    .option("--to <time>", "events that start before this")
    .option("--limit <n>", "at most so many", parseLimit, PAGE_SIZE)
    .option("--deleted", "with those that were deleted")
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", examples("event list ana --from 2026-12-01 --to 2026-12-08"))
    .action(listEvents);
  event
    .command("get")
    .description("show one event")
    .argument("<name>", "calendars/{calendar}/events/{event}")
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", examples("event get calendars/ana/events/e01... -o json"))
    .action(getEvent);
  withContent(event.command("update").description("change the given fields of an event"))
    .argument("<name>", "calendars/{calendar}/events/{event}")
    .option("--title <text>")
    .option("--etag <etag>", "only if nobody changed it since you saw this etag")
    .addHelpText("after", examples('event update calendars/ana/events/e01... --title "Supper"'))
    .action(updateEvent);
  event
    .command("delete")
    .description("delete an event")
    .argument("<name>", "calendars/{calendar}/events/{event}")
    .option("--etag <etag>", "only if nobody changed it since you saw this etag")
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", examples("event delete calendars/ana/events/e01..."))
    .action(deleteEvent);
}

async function createEvent(title: string, options: ContentOptions): Promise<void> {
  const { events, context } = await connect();
  if (options.start === undefined) throw new UsageError("--start says when the event begins");
  const created = await events.createEvent({
    parent: parentOf(options.calendar, context),
    event: {
      title,
      span: parseSpan(options, zoneOf(options, context)),
      location: options.location ?? "",
      description: options.description ?? "",
    },
  });
  show(created, options, context, "created");
}

async function listEvents(calendar: string | undefined, options: ListOptions): Promise<void> {
  const { events, context } = await connect();
  const response = create(ListEventsResponseSchema);
  do {
    const page = await events.listEvents({
      parent: parentOf(calendar, context),
      pageSize: options.limit - response.events.length,
      pageToken: response.nextPageToken,
      showDeleted: options.deleted ?? false,
      ...(options.from !== undefined && { startTime: momentOf(options.from, context) }),
      ...(options.to !== undefined && { endTime: momentOf(options.to, context) }),
    });
    response.events.push(...page.events);
    response.nextPageToken = page.nextPageToken;
    response.position = page.position;
  } while (response.nextPageToken !== "" && response.events.length < options.limit);
  if (isJson(options)) {
    print(toJsonString(ListEventsResponseSchema, response, { prettySpaces: 2 }));
  } else {
    print(formatEvents(response.events, context.timeZone));
    if (response.nextPageToken !== "") {
      say(`there are more than these ${response.events.length}: see --limit, --from and --to`);
    }
  }
}

async function getEvent(name: string, options: OutputOptions): Promise<void> {
  const { events, context } = await connect();
  show(await events.getEvent({ name }), options, context);
}

async function updateEvent(name: string, options: ContentOptions): Promise<void> {
  const { events, context } = await connect();
  const event = create(EventSchema, { name, etag: options.etag ?? "" });
  const paths: string[] = [];
  for (const field of ["title", "location", "description"] as const) {
    const value = options[field];
    if (value === undefined) continue;
    event[field] = value;
    paths.push(field);
  }
  if (options.start !== undefined) {
    event.span = create(EventSchema, { span: parseSpan(options, zoneOf(options, context)) }).span;
    paths.push(event.span.case === "allDay" ? "all_day" : "timed");
  } else if (options.end !== undefined || options.minutes !== undefined) {
    throw new UsageError("--end and --minutes need --start beside them");
  }
  if (paths.length === 0) throw new UsageError("nothing to change: give --title, --start, ...");
  const updated = await events.updateEvent({
    event,
    updateMask: create(FieldMaskSchema, { paths }),
  });
  show(updated, options, context, "updated");
}

async function deleteEvent(name: string, options: ContentOptions): Promise<void> {
  const { events, context } = await connect();
  const deleted = await events.deleteEvent({
    name,
    etag: options.etag ?? "",
  });
  show(deleted, options, context, "deleted");
}

async function connect() {
  const session = currentSession();
  return { context: await session.context(), events: (await openCabildo(session)).events };
}

function parseLimit(text: string): number {
  const limit = parseWhole(text);
  if (limit === 0) throw new UsageError("--limit is 1 at least");
  return limit;
}

function parentOf(calendar: string | undefined, context: Context): string {
  const key = calendar ?? context.user;
  return key.startsWith("calendars/") ? key : `calendars/${key}`;
}

function zoneOf({ zone }: ContentOptions, context: Context): string {
  return zone === undefined ? context.timeZone : requireTimeZone(zone);
}

function momentOf(text: string, { timeZone }: Context) {
  const time = parseTime(text, timeZone);
  if (time.kind === "moment") return timestampFromMs(time.ms);
  const midnight = parseTime(`${text}T00:00`, timeZone);
  return timestampFromMs(midnight.kind === "moment" ? midnight.ms : 0);
}

const isJson = ({ output }: OutputOptions): boolean => output === "json";

function show(event: Event, options: OutputOptions, context: Context, done?: string): void {
  print(
    isJson(options)
      ? toJsonString(EventSchema, event, { prettySpaces: 2 })
      : `${done === undefined ? "" : `${done} `}${formatEvent(event, context.timeZone)}`,
  );
}
