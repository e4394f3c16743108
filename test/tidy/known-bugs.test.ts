import { existsSync, readFileSync } from "node:fs";
import { expect } from "chai";

const PAGE = "docs/KNOWN-BUGS.md";
const BUGS = 45;
/** Bugs of parts that do not exist here, or that a test of much more covers. */
const WITHOUT_OWN_TEST_MAX = 12;

interface Bug {
  readonly number: number;
  readonly links: readonly string[];
  readonly tests: readonly { readonly file: string; readonly title: string | undefined }[];
}

function readBugs(): Bug[] {
  const rows = readFileSync(PAGE, "utf8")
    .split("\n")
    .filter((line) => /^\| \d+ \|/u.test(line));
  return rows.map((row) => {
    const [number = "", bug = "", , kept = ""] = row.slice(2).split(" | ");
    return {
      number: Number(number),
      links: [...bug.matchAll(/\]\((https:[^)]+)\)/gu)].map(([, link = ""]) => link),
      tests: [...kept.matchAll(/`(test\/[^`]+)`(?:: "([^"]+)")?/gu)].map(
        ([, file = "", title]) => ({ file, title }),
      ),
    };
  });
}

describe("the page of known bugs", () => {
  const bugs = readBugs();
  const textOf = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8") : "");

  it("has each bug once, with a link and a test", () => {
    expect(bugs.map(({ number }) => number)).to.deep.equal(
      Array.from({ length: BUGS }, (_, at) => at + 1),
    );
    for (const { number, links, tests } of bugs) {
      expect(links, `links of ${number}`).not.to.deep.equal([]);
      expect(tests, `tests of ${number}`).not.to.deep.equal([]);
    }
  });

  it("names tests that are there, by their titles", () => {
    for (const { number, tests } of bugs) {
      for (const { file, title } of tests) {
        expect(existsSync(file), `${number}: ${file}`).to.equal(true);
        if (!file.endsWith(".txt")) expect(title, `${number}: ${file}`).not.to.equal(undefined);
        if (title !== undefined) {
          const isThere = [`it("${title}"`, `it(\`${title}\``].some((call) =>
            textOf(file).includes(call),
          );
          expect(isThere, `${number}: ${title}`).to.equal(true);
        }
      }
    }
  });

  it("has for nearly each a test that bears its link", () => {
    const without = bugs.filter(
      ({ links, tests }) =>
        !tests.some(({ file }) => links.some((link) => textOf(file).includes(link))),
    );
    expect(without.map(({ number }) => number)).to.have.length.at.most(WITHOUT_OWN_TEST_MAX);
  });
});
