import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { AskedServer } from "../client/asked-server.js";
import type { Facts } from "../client/asked-server.js";
import { currentSession } from "../client/current-session.js";
import type { Session } from "../client/session.js";
import {
  DATA_DIR,
  DATA_OPTION,
  JSON_OPTION,
  OUTPUT_OPTION,
  UsageError,
  examples,
  parseWhole,
  print,
  say,
} from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { findLocalCluster } from "../ready-file.js";
import { formatTable } from "../table.js";
import { followTrace } from "../client/follow-trace.js";
import { CONNECTIONS_HEAD, connectionRows, formatMay, formatTrace } from "./live-text.js";

interface LiveOptions {
  readonly wss?: readonly string[];
  readonly data: string;
  readonly output: Output;
}

interface InspectOptions extends LiveOptions {
  readonly limit?: number;
}

export function addLive(program: Command): void {
  const live = program
    .command("live")
    .description("see who is connected to the live channels, as an operator")
    .addHelpText("after", examples("live inspect users/ana", "live trace calendars/ana"));
  const add = (name: string, description: string, example: string): Command =>
    live
      .command(name)
      .description(description)
      .option("--wss <url...>", "ask these fan-outs; else those of the cluster in --data or yours")
      .option(...DATA_OPTION, DATA_DIR)
      .addOption(OUTPUT_OPTION)
      .addOption(JSON_OPTION)
      .addHelpText("after", `\nJSON is one object a line.\n${examples(`live ${name} ${example}`)}`);
  add("inspect", "show the connections of a user, or of those who hear a channel", "users/ana")
    .argument("<whom>", "such as users/ana or calendars/ana")
    .option("--limit <n>", "at most so many connections of each fan-out", parseWhole)
    .action(inspect);
  add(
    "may",
    "say whether a user could hear a channel now, and if not why",
    "users/ana groups/choir",
  )
    .argument("<user>", "such as users/ana")
    .argument("<channel>", "such as calendars/nora")
    .action(may);
  add("trace", "print what happens to connections as it happens, until Ctrl-C", "users/ana")
    .argument("<whom>", "such as users/ana or calendars/ana")
    .action(trace);
}

async function inspect(whom: string, options: InspectOptions): Promise<void> {
  const { limit, output } = options;
  const asked = { ...subjectOf(whom), ...(limit === undefined ? {} : { limit }) };
  const { timeZone } = await currentSession().context();
  const { answers, troubles } = await askEach(options, "inspect", asked);
  if (output === "json") for (const answer of answers) print(JSON.stringify(answer));
  else if (answers.length > 0) {
    const rows = answers.flatMap((answer) => connectionRows(answer, timeZone));
    print(rows.length === 0 ? "no connections" : formatTable(CONNECTIONS_HEAD, rows));
  }
  for (const { server, count, truncated } of answers) {
    if (truncated !== true) continue;
    say(`${String(server)} has ${String(count)}, not all are shown: see --limit`);
  }
  requireAll(troubles);
}

async function may(user: string, channel: string, options: LiveOptions): Promise<void> {
  const { answers, troubles } = await askEach(options, "may", { user, channel });
  for (const answer of answers) {
    print(options.output === "json" ? JSON.stringify(answer) : formatMay(answer));
  }
  requireAll(troubles);
}

async function trace(whom: string, options: LiveOptions): Promise<void> {
  const session = currentSession();
  const { timeZone } = await session.context();
  const { urls, ca } = await findServers(session, options);
  process.once("SIGINT", () => process.exit(0));
  const stop = new AbortController();
  const told = (line: Facts): void => {
    print(options.output === "json" ? JSON.stringify(line) : formatTrace(line, timeZone));
  };
  try {
    await Promise.all(
      urls.map((url) =>
        followTrace(url, subjectOf(whom), { session, ca, signal: stop.signal, told }),
      ),
    );
  } finally {
    stop.abort();
  }
}

/** All at once. */
async function askEach(
  options: LiveOptions,
  command: string,
  body: object,
): Promise<{ readonly answers: readonly Facts[]; readonly troubles: readonly string[] }> {
  const session = currentSession();
  const { urls, ca } = await findServers(session, options);
  const asked = urls.map(async (url) => {
    const server = await AskedServer.open(url, session, ca);
    try {
      return await server.ask(command, body);
    } finally {
      server.close();
    }
  });
  const answers: Facts[] = [];
  const troubles: string[] = [];
  for (const outcome of await Promise.allSettled(asked)) {
    if (outcome.status === "fulfilled") answers.push(outcome.value);
    else troubles.push(outcome.reason instanceof Error ? outcome.reason.message : "no answer");
  }
  return { answers, troubles };
}

/** What was shown is not all where a server did not answer. */
function requireAll(troubles: readonly string[]): void {
  if (troubles.length > 0) throw new Error(troubles.join("; "));
}

/** Sessions are on any of them: all of the cluster, where it is known which those are. */
async function findServers(
  session: Session,
  { wss, data }: LiveOptions,
): Promise<{ readonly urls: readonly string[]; readonly ca: string }> {
  const context = await session.context();
  const ca = await readFile(context.ca, "utf8");
  if (wss !== undefined) return { urls: wss, ca };
  const known = (await findLocalCluster(data))?.wsss ?? [];
  if (known.includes(context.wss)) return { urls: known, ca };
  say(`asking ${context.wss} alone: --data or --wss names the other fan-outs`);
  return { urls: [context.wss], ca };
}

function subjectOf(whom: string): object {
  if (!whom.includes("/") && whom !== "cluster") {
    throw new UsageError(`${whom} is no name: write for example users/ana or calendars/ana`);
  }
  return whom.startsWith("users/") ? { user: whom } : { channel: whom };
}
