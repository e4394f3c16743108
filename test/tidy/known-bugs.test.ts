import { existsSync, readFileSync } from "node:fs";
import { expect } from "chai";

/** `withoutOwnTestMax`: bugs of parts that do not exist here, or that a test of much more covers. */
const PAGES = [
  { page: "docs/KNOWN-BUGS.md", count: 45, withoutOwnTestMax: 12 },
  { page: "docs/KNOWN-BUGS-LIVE.md", count: 26, withoutOwnTestMax: 16 },
];

interface Bug {
  readonly number: number;
  readonly links: readonly string[];
  readonly tests: readonly { readonly file: string; readonly title: string | undefined }[];
}

function readBugs(page: string): Bug[] {
  const rows = readFileSync(page, "utf8")
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

for (const { page, count, withoutOwnTestMax } of PAGES) {
  describe(`the known bugs of ${page}`, () => {
    const bugs = readBugs(page);
    const textOf = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8") : "");

    it("are there once each, with a link and a test", () => {
      expect(bugs.map(({ number }) => number)).to.deep.equal(
        Array.from({ length: count }, (_, at) => at + 1),
      );
      for (const { number, links, tests } of bugs) {
        expect(links, `links of ${number}`).not.to.deep.equal([]);
        expect(tests, `tests of ${number}`).not.to.deep.equal([]);
      }
    });

    it("name tests that are there, by their titles", () => {
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

    it("have nearly all a test that bears their link", () => {
      const without = bugs.filter(
        ({ links, tests }) =>
          !tests.some(({ file }) => links.some((link) => textOf(file).includes(link))),
      );
      expect(without.map(({ number }) => number)).to.have.length.at.most(withoutOwnTestMax);
    });
  });
}
