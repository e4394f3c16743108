import type { Colors } from "../colors.js";
import type { JsonObject } from "../json-shape.js";
import { parseObject } from "../json-shape.js";

const NAME_WIDTH = 13;
const LEVEL_WIDTH = 5;
const KNOWN = new Set(["level", "time", "process", "message"]);

/** One line for people out of what a process of the cluster wrote: its log as JSON, or whatever else it was. */
export function formatLogLine(name: string, text: string, colors: Colors): string {
  const who = colors.dim(name.padEnd(NAME_WIDTH));
  const line = findLogLine(text);
  if (line === undefined) return `${who} ${text}`;
  const level = textOf(line["level"]);
  const time = textOf(line["time"]).slice("2026-01-01T".length, "2026-01-01T00:00:00".length);
  const facts = Object.entries(line)
    .filter(([key]) => !KNOWN.has(key))
    .map(([key, value]) => `${key}=${textOf(value)}`)
    .join(" ");
  const shown = `${colors.dim(time)} ${who} ${colorOf(level, colors)(level.padEnd(LEVEL_WIDTH))}`;
  return `${shown} ${textOf(line["message"])}${facts === "" ? "" : ` ${colors.dim(facts)}`}`;
}

function findLogLine(text: string): JsonObject | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return parseObject(text, "a log line");
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function colorOf(level: string, colors: Colors): (text: string) => string {
  switch (level) {
    case "error":
      return colors.red;
    case "warn":
      return colors.yellow;
    default:
      return colors.green;
  }
}
