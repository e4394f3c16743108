import type { Facts } from "../client/asked-server.js";
import { asObject, requireFlag, requireList, requireNumber, requireText } from "../json-shape.js";
import type { JsonObject } from "../json-shape.js";
import { plainText } from "../plain-text.js";

export const CONNECTIONS_HEAD: readonly string[] = [
  ...["server", "#", "user", "from", "since", "token until", "unsent", "calls"],
  ...["channel", "view", "shard", "state", "given", "behind"],
];

const OF_CONNECTION = 8;
const OF_CHANNEL = 2;

/** A row for each shard of each channel; what is as in the row above is left out. */
export function connectionRows(answer: Facts, timeZone: string): readonly string[][] {
  const server = requireText(answer, "server", "the answer");
  return requireList(answer, "connections", server).flatMap((connection) => {
    const time = (field: string): string =>
      formatClock(requireText(connection, field, server), timeZone);
    const said = [
      server,
      String(requireNumber(connection, "connection", server)),
      requireText(connection, "user", server),
      requireText(connection, "address", server),
      time("opened"),
      time("expires"),
      String(requireNumber(connection, "unsent_bytes", server)),
      String(requireNumber(connection, "calls", server)),
    ];
    const channels = requireList(connection, "channels", server).flatMap((channel) =>
      channelRows(channel, server),
    );
    const [first = [], ...others] = channels;
    return [[...said, ...first], ...others.map((row) => [...empty(OF_CONNECTION), ...row])];
  });
}

function channelRows(channel: JsonObject, server: string): readonly string[][] {
  const said = [requireText(channel, "channel", server), requireText(channel, "view", server)];
  const shards = requireList(channel, "shards", server).map((shard) => [
    requireText(shard, "shard", server),
    requireText(shard, "state", server),
    ...("sequence" in shard ? [requireText(shard, "sequence", server)] : []),
    ...("behind" in shard ? [String(requireNumber(shard, "behind", server))] : []),
  ]);
  const [first = [], ...others] = shards;
  return [[...said, ...first], ...others.map((row) => [...empty(OF_CHANNEL), ...row])];
}

const empty = (count: number): string[] => Array.from({ length: count }, () => "");

/** A sentence. */
export function formatMay(answer: Facts): string {
  const server = requireText(answer, "server", "the answer");
  const user = requireText(answer, "user", server);
  const channel = requireText(answer, "channel", server);
  if (!requireFlag(answer, "allowed", server)) {
    const error = asObject(answer["error"], server);
    const why = `${requireText(error, "message", server)} (${requireText(error, "code", server)})`;
    return `${server}: ${user} may not hear ${channel}: ${why}`;
  }
  const isReader = requireText(answer, "view", server) === "readers";
  const since = requireText(answer, "granted_since", server);
  const how = isReader ? ", as its readers do" : "";
  return `${server}: ${user} may hear ${channel}${how}${since === "0" ? "" : `, from sequence ${since} on`}`;
}

/** One line of a trace. */
export function formatTrace(line: Facts, timeZone: string): string {
  const { server, time, connection, user, event, ...rest } = line;
  const whose = typeof connection === "number" ? [`#${connection}`, user] : [];
  const facts = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`);
  const words = [formatClock(String(time), timeZone, 3), server, ...whose, event, ...facts];
  return plainText(words.map(String).join("  "));
}

/** `10:00:07` as a clock in the zone shows it: no connection is older than half a day. */
function formatClock(time: string, timeZone: string, fractionalSecondDigits?: 3): string {
  const digits = fractionalSecondDigits === undefined ? {} : { fractionalSecondDigits };
  const whole = { hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;
  return new Date(time).toLocaleTimeString("en-GB", { timeZone, ...whole, ...digits });
}
