import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { cruise } from "dependency-cruiser";
import type { ICruiseResult, IForbiddenRuleType } from "dependency-cruiser";
import { LAYERS, LIBRARIES, PURE, TYPE_READERS } from "./layers.js";

const anyOf = (names: readonly string[]): string => names.map(escape).join("|");
const escape = (name: string): string => name.replaceAll(/[.*+?^${}()|[\]\\]/gu, "\\$&");

const layerRules: IForbiddenRuleType[] = Object.entries(LAYERS).map(([folder, allowed]) => ({
  name: `layer-${folder}`,
  comment: `${folder}/ may import ${allowed.join(", ") || "nothing"}`,
  severity: "error",
  from: { path: `^src/${folder}/` },
  to: {
    path: "^(src|gen|test)/",
    pathNot: [
      `^src/(${anyOf([folder, ...allowed])})/`,
      ...(allowed.includes("gen") ? ["^gen/"] : []),
    ],
    ...(TYPE_READERS.includes(folder) ? { dependencyTypesNot: ["type-only"] } : {}),
  },
}));

const libraryRules: IForbiddenRuleType[] = Object.entries(LIBRARIES).map(([library, folders]) => ({
  name: `library-${library}`,
  comment: `${library} is used in ${folders.join(", ")} alone`,
  severity: "error",
  from: { path: "^src/", pathNot: `^src/(${anyOf(folders)})/` },
  to: { path: `(^|/)${escape(library)}($|/)`, dependencyTypes: ["npm", "npm-dev", "unknown"] },
}));

const rules: IForbiddenRuleType[] = [
  ...layerRules,
  ...libraryRules,
  {
    name: "doors-only",
    comment: "Another folder is entered by its index.ts",
    severity: "error",
    from: { path: "^src/([^/]+)/" },
    to: { path: "^src/", pathNot: ["^src/$1/", "^src/[^/]+/index\\.ts$"] },
  },
  {
    name: "no-cycles",
    comment: "Values depend on each other in one direction",
    severity: "error",
    from: {},
    to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
  },
  {
    name: "pure-folders",
    comment: "The pure folders import nothing from outside",
    severity: "error",
    from: { path: `^src/(${anyOf(PURE)})/` },
    to: { pathNot: "^src/" },
  },
  {
    name: "no-development-packages",
    comment: "What ships depends on dependencies alone",
    severity: "error",
    from: { path: "^src/" },
    to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only", "npm"] },
  },
  {
    name: "resolvable",
    comment: "Every import leads somewhere",
    severity: "error",
    from: { path: "^src/" },
    to: { couldNotResolve: true },
  },
];

async function violations(baseDir: string): Promise<readonly string[]> {
  const { output } = await cruise(
    ["src"],
    {
      baseDir,
      ruleSet: { forbidden: rules },
      validate: true,
      doNotFollow: { path: "node_modules" },
      tsPreCompilationDeps: true,
      enhancedResolveOptions: {
        conditionNames: ["import", "node", "default"],
        exportsFields: ["exports"],
        extensions: [".ts", ".js"],
      },
    },
    { extensions: [".ts", ".js"] },
  );
  const { summary } = output as ICruiseResult;
  return summary.violations.map(
    ({ rule, from, to }) =>
      `${rule.name}: ${from} -> ${to} (${rules.find(({ name }) => name === rule.name)?.comment ?? ""})`,
  );
}

async function violationsOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const dir = await mkdtemp(join(tmpdir(), "layers-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), text);
    }
    return (await violations(dir)).map((line) => line.replace(/ \(.*/u, ""));
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe("the layers of src/", () => {
  it("import each other only along the arrows of the table", async function () {
    this.timeout(60_000);
    expect((await violations(process.cwd())).join("\n")).to.equal("");
  });

  it("refuse an arrow that is not in the table", async () => {
    const found = await violationsOf({
      "src/raft/core.ts": 'import { store } from "../storage/index.js";\nexport const a = store;\n',
      "src/storage/index.ts": "export const store = 1;\n",
    });
    expect(found).to.include("layer-raft: src/raft/core.ts -> src/storage/index.ts");
  });

  it("refuse a way around the door", async () => {
    const found = await violationsOf({
      "src/machine/apply.ts": 'import { a } from "../base/assert.js";\nexport const b = a;\n',
      "src/base/assert.ts": "export const a = 1;\n",
    });
    expect(found).to.deep.equal(["doors-only: src/machine/apply.ts -> src/base/assert.ts"]);
  });

  it("refuse a library outside of its folder, and anything of Node in a pure one", async () => {
    const found = await violationsOf({
      "src/gateway/a.ts": 'import { SignJWT } from "jose";\nexport const a = SignJWT;\n',
      "src/raft/a.ts": 'import { readFile } from "node:fs/promises";\nexport const a = readFile;\n',
      "package.json": '{"dependencies":{"jose":"*"}}',
      "node_modules/jose/package.json": '{"name":"jose","main":"index.js"}',
      "node_modules/jose/index.js": "",
    });
    expect(found).to.include("library-jose: src/gateway/a.ts -> node_modules/jose/index.js");
    expect(found).to.include("pure-folders: src/raft/a.ts -> fs/promises");
  });

  it("let a folder of observers name the types of others, and no more", async () => {
    const found = await violationsOf({
      "src/observability/a.ts": 'import type { A } from "../peer/index.js";\nexport type B = A;\n',
      "src/observability/b.ts": 'import { a } from "../peer/index.js";\nexport const b = a;\n',
      "src/peer/index.ts": "export type A = 1;\nexport const a = 1;\n",
    });
    expect(found).to.deep.equal([
      "layer-observability: src/observability/b.ts -> src/peer/index.ts",
    ]);
  });
});
