import type { Command } from "commander";
import { toJsonString } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { ChangeKindSchema, ChangeSchema } from "../../../gen/cabildo/v1/sync_pb.js";
import type { Change } from "../../../gen/cabildo/v1/sync_pb.js";
import { isGone } from "../../client/index.js";
import { openCabildo } from "../client/api.js";
import { currentSession } from "../client/current-session.js";
import { formatTime } from "../client/zoned-time.js";
import { JSON_OPTION, OUTPUT_OPTION, examples, print, say } from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { formatEvent } from "./event-text.js";

interface WatchOptions {
  readonly since?: string;
  readonly output: Output;
}

export function addWatch(program: Command): void {
  program
    .command("watch")
    .description("print every change of a calendar as it comes, until Ctrl-C")
    .argument(
      "[calendar]",
      "key of a calendar, or a channel such as groups/choir; yours if left out",
    )
    .option("--since <position>", "begin after this position, as a list, a write or a push gave it")
    .addOption(OUTPUT_OPTION)
    .addOption(JSON_OPTION)
    .addHelpText("after", examples("watch ana"))
    .action(watch);
}

async function watch(calendar: string | undefined, options: WatchOptions): Promise<void> {
  const session = currentSession();
  const { user, timeZone } = await session.context();
  const key = calendar ?? user;
  const channel = key.includes("/") ? key : `calendars/${key}`;
  process.once("SIGINT", () => process.exit(0));
  const cabildo = await openCabildo(session, (state) => {
    if (state.kind === "waiting") say(`connection lost (${state.reason}): connecting again`);
  });
  let since = options.since === undefined ? [] : [options.since];
  try {
    for (;;) {
      try {
        for await (const event of cabildo.live.subscribe([channel], since)) {
          if (event.kind === "joined") say(`watching ${channel} from ${event.positions.join(" ")}`);
          else if (event.kind === "change") print(show(event.change, options, timeZone));
        }
        return;
      } catch (error) {
        if (!isGone(error)) throw error;
        say(`what happened before is no longer kept, going on from now: ${String(error)}`);
        since = [];
      }
    }
  } finally {
    cabildo.close();
  }
}

function show(change: Change, { output }: WatchOptions, timeZone: string): string {
  return output === "json" ? toJsonString(ChangeSchema, change) : formatChange(change, timeZone);
}

function formatChange(change: Change, timeZone: string): string {
  const at = change.time === undefined ? "" : formatTime(timestampMs(change.time), timeZone);
  const what = (ChangeKindSchema.value[change.kind]?.localName ?? "changed").toLowerCase();
  const { resource } = change;
  const which =
    resource.case === "event" ? formatEvent(resource.value, timeZone) : change.resourceName;
  return `${at}  ${what}  ${which}`;
}
