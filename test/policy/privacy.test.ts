import { expect } from "chai";
import { readFileSync } from "node:fs";
import { PRIVACY, sightOf } from "../../src/policy/index.js";
import type { Relation, Sight } from "../../src/policy/index.js";

const RELATIONS: readonly Relation[] = [
  "owner",
  "attendee",
  "reader",
  "superior",
  "peer",
  "stranger",
];
const SIGHTS: readonly Sight[] = ["nothing", "busy", "details"];
const VISIBILITIES = ["public", "default", "busy-only", "private"] as const;

function rendered(): string {
  const rows = VISIBILITIES.map((visibility) => {
    const cells = RELATIONS.map((relation) => sightOf(visibility, relation));
    return `| \`${visibility.toUpperCase().replace("-", "_")}\` | ${cells.join(" | ")} |`;
  });
  const head = `| visibility | ${RELATIONS.join(" | ")} |`;
  return [head, `|${"---|".repeat(RELATIONS.length + 1)}`, ...rows].join("\n");
}

describe("the table of privacy", () => {
  it("is the one in the documentation", () => {
    const page = readFileSync("docs/PRIVACY.md", "utf8");
    expect(page).to.include(rendered());
  });

  it("shows no one more than a nearer one, and less the less visible an event is", () => {
    const rank = (sight: Sight): number => SIGHTS.indexOf(sight);
    for (const [v, visibility] of VISIBILITIES.entries()) {
      for (const [r, relation] of RELATIONS.entries()) {
        const sight = rank(PRIVACY[visibility][relation]);
        const nearer = RELATIONS[r - 1];
        if (nearer !== undefined) expect(sight).at.most(rank(PRIVACY[visibility][nearer]));
        const wider = VISIBILITIES[v - 1];
        if (wider !== undefined) expect(sight).at.most(rank(PRIVACY[wider][relation]));
      }
    }
  });

  it("hides nothing from owners and attendees", () => {
    for (const visibility of VISIBILITIES) {
      expect(sightOf(visibility, "owner")).equals("details");
      expect(sightOf(visibility, "attendee")).equals("details");
    }
  });
});
