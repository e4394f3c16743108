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
export function pickLimits<Limits>(options: object, words: LimitWords<Limits>): Partial<Limits> {
  const given = Object.entries(options).filter(([name]) => Object.hasOwn(words, name));
  return Object.fromEntries(given) as Partial<Limits>;
}
