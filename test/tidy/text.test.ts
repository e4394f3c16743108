import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect } from "chai";

interface Rule {
  readonly says: string;
  readonly files: RegExp;
  /** A line that matches breaks the rule, unless it also matches `unless`. */
  readonly line: RegExp;
  readonly unless?: RegExp;
}

interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage | undefined>>;
}

interface LockedPackage {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const RESOLVED = /"resolved": "https?:\/\/([^/]+)/gu;
const NPM_HOST = "registry.npmjs.org";

const WRITTEN = /\.(ts|js|md|proto|yaml|yml|json|sh)$|^(Makefile|\.ci\/run|deploy\/Dockerfile)$/u;
const NOT_WRITTEN = /^(gen\/|package-lock\.json$|LICENSE$|test\/conformance\/.*\.txt$)/u;
const THIS_FILE = "test/tidy/text.test.ts";

const RULES: readonly Rule[] = [
  {
    says: "name no path of one machine",
    files: WRITTEN,
    line: /(?<![\w.$}~*-])\/(home|root|work|farm|Users)\/\w/u,
  },
  { says: "leave no note for later", files: /\.(ts|js)$/u, line: /\b(TODO|FIXME|XXX)\b/u },
  { says: "run every test", files: /^test\/.*\.ts$/u, line: /\b(describe|it)\.only\(/u },
  {
    says: "say on the line why a test is skipped",
    files: /^test\/.*\.ts$/u,
    line: /\b(describe|it)\.skip\(/u,
    unless: /\/\/ \S/u,
  },
  { says: "stay within 130 characters", files: /\.(ts|js)$/u, line: /^.{131,}$/u },
  { says: "end lines without blanks", files: /\.(ts|js|proto|json|yaml|yml)$/u, line: /[ \t]$/u },
  { says: "indent with spaces", files: /\.(ts|js|proto|json|yaml|yml)$/u, line: /^\t/u },
];

const VAGUE = /^(utils?|helpers?|common|misc|manager|data|lib)\.ts$/u;

function trackedFiles(): readonly string[] {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], {
    encoding: "utf8",
  });
  return listed
    .split("\n")
    .filter((path) => path !== "" && !NOT_WRITTEN.test(path) && existsSync(path));
}

function breaches(rule: Rule, files: readonly string[]): readonly string[] {
  return files
    .filter((path) => rule.files.test(path) && path !== THIS_FILE)
    .flatMap((path) =>
      readFileSync(path, "utf8")
        .split("\n")
        .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
        .filter(({ line }) => rule.line.test(line) && rule.unless?.test(line) !== true)
        .map(({ line, at }) => `${at}: ${line.trim()}`),
    );
}

describe("the project's text", () => {
  const files = trackedFiles();
  for (const rule of RULES) {
    it(`must ${rule.says}`, () => {
      expect(breaches(rule, files).join("\n")).to.equal("");
    });
  }

  it("must name files for what they hold", () => {
    expect(files.filter((path) => VAGUE.test(basename(path)))).to.deep.equal([]);
  });

  it("must lock packages by content, not by the address they came from", () => {
    const hosts = [...readFileSync("package-lock.json", "utf8").matchAll(RESOLVED)];
    expect(hosts.map(([, host]) => host).filter((host) => host !== NPM_HOST)).to.deep.equal([]);
  });

  it("must lock the packages of other systems too, or `npm ci` refuses the lockfile", () => {
    const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as Lockfile;
    const missing = Object.entries(packages).flatMap(([at, locked]) =>
      Object.keys(locked?.optionalDependencies ?? {}).filter(
        (name) =>
          packages[`node_modules/${name}`] === undefined &&
          packages[`${at}/node_modules/${name}`] === undefined,
      ),
    );
    expect(missing).to.deep.equal([]);
  });
});
