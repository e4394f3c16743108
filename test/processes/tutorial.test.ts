import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { blocksOf, Terminal } from "../support/document-session.js";
import type { Block } from "../support/document-session.js";
import { freeBasePort } from "../support/free-ports.js";
import { repositoryRoot } from "../support/up-cluster.js";

const ROOT = repositoryRoot();
const MAIN = "";
const STAYS = "stays";
const CTRL_C = "^C";
/** What is installed and built already is not made again. */
const MAKE = "make() { dist/cabildo up; }";

describe("the tutorial", function () {
  this.timeout(600_000);
  const terminals = new Map<string, Terminal>();
  const blocks = blocksOf(readFileSync(path.join(ROOT, "docs/TUTORIAL.md"), "utf8"));
  let directory: string;
  let env: NodeJS.ProcessEnv;

  /** As the project's directory is after `make build`; the command takes ports that are free here. */
  before(async () => {
    directory = mkdtempSync(path.join(tmpdir(), "cabildo-tutorial-"));
    const at = (name: string): string => path.join(directory, name);
    mkdirSync(at("dist"));
    mkdirSync(at("bin"));
    symlinkSync(process.execPath, at("bin/node"));
    symlinkSync(path.join(ROOT, "dist/src"), at("dist/src"));
    copyFileSync(path.join(ROOT, "package.json"), at("package.json"));
    const command = `node ${path.join(ROOT, "dist/cabildo")} "$@"`;
    const withPort = `exec ${command} --base-port ${await freeBasePort()}`;
    const script = `case $1 in up|restore) ${withPort} ;; *) exec ${command} ;; esac`;
    writeFileSync(at("dist/cabildo"), `#!/bin/sh\n${script}\n`);
    chmodSync(at("dist/cabildo"), 0o755);
    const config = { XDG_CONFIG_HOME: undefined, CABILDO_CONFIG: undefined };
    const PATH = `${at("bin")}:${process.env["PATH"]}`;
    env = { ...process.env, ...config, HOME: directory, PATH };
  });

  after(async () => {
    await Promise.all([...terminals.values()].map((terminal) => terminal.end()));
    rmSync(directory, { recursive: true, force: true });
  });

  const terminalOf = (name: string): Terminal => {
    const open = terminals.get(name);
    if (open !== undefined && !open.isOver) return open;
    const opened = new Terminal(directory, env, MAKE);
    terminals.set(name, opened);
    return opened;
  };

  const follow = async ({ language, words, text }: Block): Promise<void> => {
    const [name = MAIN] = words;
    switch (language) {
      case "sh":
        if (words.includes(STAYS)) terminalOf(name).begin(text);
        else if (text.trim() === CTRL_C) await terminalOf(name).interrupt();
        else await terminalOf(name).run(text);
        return;
      case "text":
        await terminalOf(name).expect(text.trim().split("\n"));
        return;
      case "js":
        writeFileSync(path.join(directory, name), text);
        return;
      default:
        throw new Error(`nobody knows how to follow a block of ${language}`);
    }
  };

  it("is true: every block of it was run, and showed what it says", async () => {
    expect(blocks.length).to.be.greaterThan(20);
    for (const block of blocks) {
      try {
        await follow(block);
      } catch (cause) {
        throw new Error(`docs/TUTORIAL.md, line ${block.line}: ${String(cause)}`, { cause });
      }
    }
  });
});
