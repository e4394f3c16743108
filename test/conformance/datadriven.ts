/** One directive of a scenario file: a command with its input, and the output that it must have. */
export interface Directive {
  /** 1-based line of the command. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly Argument[];
  readonly input: string;
  readonly expected: readonly string[];
  /** Where `expected` stands in the file: its first line, and the one after its last, 0-based. */
  readonly from: number;
  readonly to: number;
}

/** `key`, `key=value` or `key=(value, value)`. */
export interface Argument {
  readonly key: string;
  readonly values: readonly string[];
}

const SEPARATOR = "----";

/** Reads the format of cockroachdb/datadriven. */
export function parseScenario(text: string): Directive[] {
  const lines = text.split(/\r?\n/);
  const directives: Directive[] = [];
  let at = 0;
  while (at < lines.length) {
    const start = (lines[at] ?? "").trim();
    at += 1;
    if (start === "" || start.startsWith("#")) continue;
    const line = at;
    let command = start;
    while (command.endsWith("\\")) {
      command = `${command.slice(0, -1)} ${(lines[at] ?? "").trim()}`;
      at += 1;
    }
    // Names a part of the file: neither input nor output follows.
    if (command.split(" ", 1)[0] === "subtest") continue;
    const input: string[] = [];
    while (at < lines.length && lines[at] !== SEPARATOR) {
      input.push(lines[at] ?? "");
      at += 1;
    }
    if (at >= lines.length) throw new Error(`line ${line}: no ${SEPARATOR} follows the command`);
    at += 1;
    const from = at;
    const output = readExpected(lines, at);
    at = output.next;
    const { name, args } = parseCommand(command, line);
    directives.push({
      ...{ line, command: name, args, input: input.join("\n").trim() },
      ...{ expected: output.lines, from, to: at },
    });
  }
  return directives;
}

export function findArgument(directive: Directive, key: string): Argument | undefined {
  return directive.args.find((argument) => argument.key === key);
}

/** Ends at a blank line, or, if the separator stands twice, where it stands twice again. */
function readExpected(lines: readonly string[], from: number): { lines: string[]; next: number } {
  const found: string[] = [];
  let at = from;
  if (lines[at] === SEPARATOR) {
    at += 1;
    while (at < lines.length && !(lines[at] === SEPARATOR && lines[at + 1] === SEPARATOR)) {
      found.push(lines[at] ?? "");
      at += 1;
    }
    return { lines: found, next: at + 2 };
  }
  while (at < lines.length && lines[at]?.trim() !== "") {
    found.push(lines[at] ?? "");
    at += 1;
  }
  return { lines: found, next: at };
}

function parseCommand(text: string, line: number): { name: string; args: Argument[] } {
  const [name = "", ...rest] = splitWords(text, line);
  return { name, args: rest.map(parseArgument) };
}

function parseArgument(word: string): Argument {
  const equals = word.indexOf("=");
  if (equals < 0) return { key: word, values: [] };
  const key = word.slice(0, equals);
  const value = word.slice(equals + 1);
  if (!value.startsWith("(")) return { key, values: [value] };
  const inner = value.slice(1, -1).trim();
  return { key, values: inner === "" ? [] : splitValues(inner) };
}

/** At blanks, except inside of the parentheses that a value begins with. */
function splitWords(text: string, line: number): string[] {
  const words: string[] = [];
  let depth = 0;
  let word = "";
  for (const char of text) {
    if (char === "(" && (depth > 0 || /^[^=]+=$/.test(word))) depth += 1;
    else if (char === ")" && depth > 0) depth -= 1;
    if (char === " " && depth === 0) {
      words.push(word);
      word = "";
    } else {
      word += char;
    }
  }
  if (depth > 0) throw new Error(`line ${line}: a parenthesis is not closed`);
  return [...words, word].filter((one) => one !== "");
}

/** At the commas that are in no parentheses of their own. */
function splitValues(text: string): string[] {
  const values: string[] = [];
  let depth = 0;
  let value = "";
  for (const char of text) {
    if (char === "(") depth += 1;
    if (char === ")") depth -= 1;
    if (char === "," && depth === 0) {
      values.push(value.trim());
      value = "";
    } else {
      value += char;
    }
  }
  return [...values, value.trim()];
}
