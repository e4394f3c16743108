import { existsSync, readFileSync } from "node:fs";
import { expect } from "chai";
import { MUTANTS } from "./all.js";
import { mutate } from "./workshop.js";

describe("the mutants", () => {
  it("have names of their own", () => {
    const names = MUTANTS.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
  });

  for (const mutant of MUTANTS) {
    it(`can be made: ${mutant.bug}`, () => {
      const source = readFileSync(mutant.file, "utf8");
      expect(mutate(mutant, source)).to.not.equal(source);
      expect(mutant.tests.filter((file) => !existsSync(file))).to.deep.equal([]);
      expect(mutant.tests.length + mutant.seeds, "something tries to kill it").to.be.greaterThan(0);
    });
  }
});
