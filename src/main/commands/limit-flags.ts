import type { Command } from "commander";
import { parseWhole } from "../command-line-parts.js";

/** What each limit of a process is, with its default in brackets at the end. */
export type LimitWords<Limits> = Readonly<Record<keyof Limits & string, string>>;

/** Every limit becomes a flag: `requestBytesMax` is `--request-bytes-max <n>`. */
export function withLimitFlags<Limits>(command: Command, words: LimitWords<Limits>): Command {
  for (const [limit, text] of Object.entries<string>(words)) {
    const flag = limit.replaceAll(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
    command.option(`--${flag} <n>`, text, parseWhole);
  }
  return command;
}

/** Those that were given. */
export function pickLimits<Limits>(
  options: object,
  words: LimitWords<Limits>,
): Readonly<Record<string, number>> {
  const given = Object.entries<unknown>({ ...options }).filter(
    (entry): entry is [string, number] =>
      Object.hasOwn(words, entry[0]) && typeof entry[1] === "number",
  );
  return Object.fromEntries(given);
}
