import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { repositoryRoot } from "../support/up-cluster.js";

const RULES = join(repositoryRoot(), "deploy/prometheus/alerts.yml");
const RULE_TESTS = join(repositoryRoot(), "test/observability/alerts.promtool.yml");

interface Alert {
  readonly name: string;
  readonly text: string;
}

function alerts(): readonly Alert[] {
  const [, ...parts] = readFileSync(RULES, "utf8").split(/^ +- alert: /mu);
  return parts.map((text) => ({ name: text.split("\n", 1)[0] ?? "", text }));
}

/** Without a status where there is no promtool. */
function promtool(...args: readonly string[]) {
  const { status, stdout, stderr, error } = spawnSync("promtool", args, { encoding: "utf8" });
  if (error !== undefined) return { status: undefined, said: "" };
  return { status, said: stdout + stderr };
}

describe("every alert", () => {
  it("says how bad it is, what is wrong, and what to do", () => {
    expect(alerts()).to.have.length.greaterThan(20);
    for (const { name, text } of alerts()) {
      expect(text, name).to.match(/severity: (?:warning|critical) \}/u);
      expect(text, name).to.match(/summary: "/u);
      expect(text, name).to.match(/runbook: ".+ docs\/OPERATIONS\.md#[a-z]+"/u);
    }
  });

  it("has a section of its own in the operator's manual", () => {
    const manual = readFileSync(join(repositoryRoot(), "docs/OPERATIONS.md"), "utf8");
    const sections = [...manual.matchAll(/^#+ (\S+)$/gmu)].map(([, title = ""]) =>
      title.toLowerCase(),
    );
    for (const { name, text } of alerts()) {
      const section = /OPERATIONS\.md#([a-z]+)"/u.exec(text)?.[1];
      expect(section).to.equal(name.toLowerCase());
      expect(sections).to.include(section);
    }
  });

  it("is understood by Prometheus", function () {
    const { status, said } = promtool("check", "rules", RULES);
    if (status === undefined) this.skip(); // promtool is not installed on this machine
    expect(status, said).to.equal(0);
  });
});

describe("the alerts on leaders", () => {
  it("fire where a majority or all of a shard is gone, and not where it serves", function () {
    const { status, said } = promtool("test", "rules", RULE_TESTS);
    if (status === undefined) this.skip(); // promtool is not installed on this machine
    expect(status, said).to.equal(0);
  });
});
