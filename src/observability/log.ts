import { destination, pino } from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error";
export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export type LogFields = Readonly<Record<string, unknown>>;

/** What a process writes about itself: a sentence, and the facts beside it. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const STDERR = 2;
/** Never in a log, wherever it stands. */
const SECRETS = ["password", "token", "accessToken", "refreshToken", "authorization", "key"];

/**
 * One line of JSON an event, on stderr, with the name of the process. Written at once: the last words of a process that
 * stops are the ones that matter.
 */
export function createLog(name: string, level: LogLevel): Log {
  const logger = pino(
    {
      base: { process: name },
      level,
      messageKey: "message",
      errorKey: "error",
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRETS.flatMap((secret) => [secret, `*.${secret}`]) },
    },
    destination({ dest: STDERR, sync: true }),
  );
  const write =
    (at: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      logger[at](fields, message);
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
}
