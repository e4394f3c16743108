import type { Command } from "commander";
import { LOG_LEVELS } from "../../observability/index.js";
import type { LogLevel } from "../../observability/index.js";
import { parseWhole, UsageError } from "../command-line-parts.js";

/** What every process of a cluster is told. */
export interface ProcessOptions {
  readonly name: string;
  /** Path of cluster.json. */
  readonly cluster: string;
  /** Directory of the certificates. */
  readonly certs: string;
  readonly logLevel: string;
}

/** What a public door is told beside that. */
export interface DoorOptions extends ProcessOptions {
  readonly host: string;
  readonly port: number;
  readonly metricsHost?: string;
  readonly metricsPort: number;
  readonly corsOrigin: readonly string[];
}

export const LOG_LEVEL_OPTION = [
  "--log-level <level>",
  `what is worth a line: ${LOG_LEVELS.join(", ")}`,
] as const;

export const CORS_OPTION = [
  "--cors-origin <origin>",
  "another site whose pages may call, such as https://agenda.example; * for all; repeatable",
] as const;

/** For commander: an option that may be given several times. */
export const collect = (text: string, before: readonly string[]): readonly string[] => [
  ...before,
  text,
];

export function withProcessOptions(command: Command): Command {
  return command
    .requiredOption("--name <name>", "name of the process, as in its certificate")
    .requiredOption("--cluster <file>", "cluster.json")
    .requiredOption("--certs <dir>", "directory with ca.pem, <name>.pem and <name>-key.pem")
    .option(...LOG_LEVEL_OPTION, "info");
}

export function withDoorOptions(command: Command): Command {
  return withProcessOptions(command)
    .option(
      "--host <host>",
      "address to listen on; for a network, such as 10.80.2.0/24, the own one in it",
      "127.0.0.1",
    )
    .option("--metrics-host <host>", "the same for metrics and health, if they are elsewhere")
    .requiredOption("--port <n>", "port of the public door", parseWhole)
    .requiredOption("--metrics-port <n>", "port of its metrics and health", parseWhole)
    .option(...CORS_OPTION, collect, []);
}

export function parseLogLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((candidate) => candidate === text);
  if (level === undefined) {
    throw new UsageError(`there is no log level ${text}: ${LOG_LEVELS.join(", ")} are`);
  }
  return level;
}
