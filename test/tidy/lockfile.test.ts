import { readFileSync } from "node:fs";
import { expect } from "chai";

/** What may be shipped, or used to build and test, with a project under the Apache License 2.0. */
const LICENCES = [
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "ISC",
  "MIT",
  "(Apache-2.0 AND BSD-3-Clause)",
];
/** Others, each looked at: weak copyleft in files that are not changed, and what is not shipped. */
const LOOKED_AT: Readonly<Record<string, string>> = {
  "node_modules/ical.js": "MPL-2.0",
  "node_modules/argparse": "PSF-2.0",
};

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

/** Binaries for machines on which nothing of this runs: npm installs none of them, and never asked what they are. */
const isForeign = ({ dev, optional, os, cpu }: LockedPackage): boolean =>
  dev === true &&
  optional === true &&
  !((os ?? []).includes("linux") && (cpu ?? []).includes("x64"));

describe("package-lock.json", () => {
  const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  const locked = Object.entries(packages).filter(
    ([path, entry]) => path !== "" && !(entry.integrity === undefined && isForeign(entry)),
  );

  it("has a strong hash of every package that can be installed", () => {
    const without = locked.filter(([, { integrity }]) => !/^sha512-/u.test(integrity ?? ""));
    expect(without.map(([path]) => path)).to.deep.equal([]);
    expect(locked.length).to.be.greaterThan(100);
  });

  it("names no package whose licence was not allowed", () => {
    const others = locked.filter(
      ([path, { license = "none" }]) => !LICENCES.includes(license) && LOOKED_AT[path] !== license,
    );
    expect(others.map(([path, { license }]) => `${path}: ${license ?? "none"}`)).to.deep.equal([]);
  });
});
