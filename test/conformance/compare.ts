/**
 * strict: the same lines in the same order. normal: the same for each node and each pair of sender and receiver, whatever
 * the order between them. final: the same state at the end, as far as the outputs tell it.
 */
export type Strictness = "strict" | "normal" | "final";

const LOG_LINE = /^\s*(DEBUG|INFO|WARN|ERROR|FATAL) /;
const HEADER = /^> (\d+) (.*)$/;
const MESSAGE = /^(dropped: )?(\w+)->(\w+) Msg/;
const ENTRY = /^\d+\/(\d+) Entry/;
const SECTIONS: ReadonlySet<string> = new Set(["Entries:", "CommittedEntries:"]);
const STATE = /^(\d+): (State\w+ \(.*)$/;

/** What a scenario says apart from its engine's log, which is all that may be left out. */
export function withoutLog(lines: readonly string[]): string[] {
  const rest = lines.filter((line) => !LOG_LINE.test(line)).map((line) => line.trimEnd());
  while (rest.at(-1) === "") rest.pop();
  return rest.length === 0 ? ["ok"] : rest;
}

export function isSame(
  actual: readonly string[],
  expected: readonly string[],
  how: Strictness,
): boolean {
  if (sameLines(actual, expected)) return true;
  return how === "normal" && sameLines(normalize(actual), normalize(expected));
}

/**
 * What the outputs of a whole scenario tell last about each node: term, vote, commit and applied index, role, leader,
 * membership and log. What happened on the way does not count.
 */
export class FinalState {
  readonly #facts = new Map<string, string>();
  readonly #logs = new Map<string, Map<number, string>>();

  note(
    directive: { command: string; args: readonly { key: string }[] },
    lines: readonly string[],
  ): void {
    const only = directive.args[0]?.key ?? "";
    if (directive.command === "raft-log") this.#logs.delete(only);
    for (const { node, body } of blocks(lines, only)) {
      let section = directive.command === "raft-log" ? "Entries:" : "";
      for (const line of body) {
        const entry = ENTRY.exec(line);
        if (entry !== null) this.#noteEntry(node, section, Number(entry[1]), line);
        else if (section !== "" || SECTIONS.has(line)) section = SECTIONS.has(line) ? line : "";
        this.#noteState(node, line);
      }
    }
  }

  /** One line a fact, in an order of their own. */
  lines(): string[] {
    const facts = [...this.#facts].map(([key, value]) => `${key}: ${value}`);
    for (const [node, log] of this.#logs) {
      for (const line of log.values()) facts.push(`${node} log: ${line}`);
    }
    return facts.sort();
  }

  #noteState(node: string, line: string): void {
    const state = STATE.exec(line);
    const snapshot = /^Snapshot Index:(\d+) /.exec(line);
    if (line.startsWith("HardState ")) this.#facts.set(`${node} hard`, line);
    if (line.startsWith("Lead:")) this.#facts.set(`${node} soft`, line);
    if (state !== null) this.#facts.set(`${state[1] ?? ""} state`, state[2] ?? "");
    if (snapshot !== null) {
      this.#facts.set(`${node} snapshot`, line);
      this.#facts.set(`${node} applied`, snapshot[1] ?? "");
      this.#logs.delete(node);
    }
  }

  #noteEntry(node: string, section: string, index: number, line: string): void {
    if (section === "CommittedEntries:") this.#facts.set(`${node} applied`, String(index));
    if (section !== "Entries:") return;
    const log = this.#logs.get(node) ?? new Map<number, string>();
    // An append discards what stood there and after.
    for (const other of log.keys()) if (other >= index) log.delete(other);
    this.#logs.set(node, log.set(index, line));
  }
}

/** What two ways to draw a table have in common: the bars follow from the indexes. */
function withoutBar(line: string): string {
  return line.replace(/^x*> *(\d+ {4}\(id=\w+\))$/, "$1");
}

function normalize(lines: readonly string[]): string[] {
  const sorted = blocks(lines.map(withoutBar), "")
    .map((block, at) => ({ ...block, at }))
    .sort((a, b) => Number(a.node) - Number(b.node) || a.at - b.at);
  return sorted.flatMap(({ node, what, body }) => [`> ${node} ${what}`, ...sortMessages(body)]);
}

interface Block {
  readonly node: string;
  readonly what: string;
  readonly body: string[];
}

/** The parts of an output, one for each `> node does` and one for what stands before. */
function blocks(lines: readonly string[], node: string): Block[] {
  const found: Block[] = [{ node, what: "", body: [] }];
  for (const line of lines) {
    const header = HEADER.exec(line);
    if (header !== null) found.push({ node: header[1] ?? "", what: header[2] ?? "", body: [] });
    else found.at(-1)?.body.push(found.length > 1 ? line.replace(/^ {2}/, "") : line);
  }
  return found;
}

/** Each run of messages in the order of sender and receiver; a message keeps the lines that belong to it. */
function sortMessages(body: readonly string[]): string[] {
  const sorted: string[] = [];
  let run: { readonly pair: string; readonly lines: string[] }[] = [];
  const flush = (): void => {
    run.sort((a, b) => (a.pair < b.pair ? -1 : a.pair > b.pair ? 1 : 0));
    for (const { lines } of run) sorted.push(...lines);
    run = [];
  };
  for (const line of body) {
    const message = MESSAGE.exec(line);
    if (message !== null) {
      run.push({ pair: `${message[2] ?? ""}->${message[3] ?? ""}`, lines: [line] });
    } else if (run.length > 0 && (line.startsWith("  ") || line === "]")) {
      run.at(-1)?.lines.push(line);
    } else {
      flush();
      sorted.push(line);
    }
  }
  flush();
  return sorted;
}

function sameLines(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, at) => line === b[at]);
}
