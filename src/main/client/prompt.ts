import { createInterface } from "node:readline";
import { Writable } from "node:stream";

/** Asks on the terminal without showing what is typed. */
export async function askHidden(question: string): Promise<string> {
  const input = process.stdin;
  if (!input.isTTY) {
    throw new Error("there is no terminal to ask for the password: use --password-stdin");
  }
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: true });
  // Only now: what is typed from here on the terminal no longer shows by itself.
  process.stderr.write(question);
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once("SIGINT", () => reject(new Error("no password was given")));
      lines.once("close", () => reject(new Error("no password was given")));
      lines.question("", resolve);
    });
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}

/** Whether the answer is yes; no is what any other answer means. */
export async function askYesOrNo(question: string): Promise<boolean> {
  const input = process.stdin;
  if (!input.isTTY) throw new Error("there is no terminal to ask on: say --yes if that is meant");
  const lines = createInterface({ input, output: process.stderr });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once("close", () => resolve(""));
      lines.question(`${question} [y/N] `, resolve);
    });
    return /^y(?:es)?$/iu.test(answer.trim());
  } finally {
    lines.close();
  }
}

export async function readAll(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let text = "";
  for await (const part of stream) text += part.toString();
  return text;
}
