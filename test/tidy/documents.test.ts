import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { blocksOf } from "../support/document-session.js";

const INDEX = ["README.md", "README.es.md", "CHANGELOG.md"];
const documents = [
  ...INDEX,
  ...["docs", "docs/es"].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".md"))
      .map((name) => join(folder, name)),
  ),
];
const read = (path: string): string => readFileSync(path, "utf8");

/** What is typed, without what is said of it. */
const commandsOf = (path: string): readonly string[] =>
  blocksOf(read(path)).flatMap(({ text }) =>
    text
      .split("\n")
      .map((line) => line.replace(/(^|\s+)#\s.*$/u, "").trimEnd())
      .filter((line) => line !== ""),
  );

describe("the documents", () => {
  it("in Spanish have the commands of those in English", () => {
    const commands = commandsOf("README.es.md");
    expect(commands.length).to.be.greaterThan(30);
    expect(commands).to.deep.equal(commandsOf("README.md"));
  });

  it("link to what is there", () => {
    const dead = documents.flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#)([^)#\s]+)(#[^)]*)?\)/gu)]
        .map(([, target = ""]) => join(dirname(path), target))
        .filter((target) => !existsSync(target))
        .map((target) => `${path}: ${target}`),
    );
    expect(dead).to.deep.equal([]);
  });

  it("report in Spanish on nine subjects, with both figures and a glossary", () => {
    const report = read("docs/es/INFORME.md");
    const titles = [...report.matchAll(/^## (\d)\. (.+)$/gmu)].map(
      ([, n, title]) => `${n} ${title}`,
    );
    expect(titles).to.deep.equal([
      "1 Introducción",
      "2 Arquitectura",
      "3 Procesos",
      "4 Comunicación",
      "5 Coordinación",
      "6 Nombrado y localización",
      "7 Consistencia y replicación",
      "8 Tolerancia a fallas",
      "9 Seguridad",
    ]);
    const figures = blocksOf(report).filter(({ language }) => language === "mermaid");
    expect(figures.map(({ text }) => text.split("\n")[0])).to.deep.equal([
      "flowchart TB",
      "sequenceDiagram",
    ]);
    const glossary = report.slice(report.indexOf("## Glosario"));
    for (const [name, inCode] of [
      ["Coordinador Inteligente", "coordinator"],
      ["WebSocket Manager", "fan-out"],
      ["Líder", "leader"],
      ["Seguidor", "follower"],
      ["Candidato", "candidate"],
      ["Réplica", "replica"],
    ]) {
      expect(glossary).to.match(new RegExp(`^\\| ${name}.*\\*${inCode}\\*`, "mu"));
    }
  });
});
