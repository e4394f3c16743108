import { join } from "node:path";
import eslint from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

const syntax = [
  { selector: "ExportDefaultDeclaration", message: "Name what you export." },
  { selector: "TSEnumDeclaration", message: "Use a union of literals." },
  { selector: "TSParameterProperties", message: "Write the field and the assignment." },
];

const ambient = ["setTimeout", "setInterval", "setImmediate", "process", "crypto", "fetch"];

export default defineConfig(
  { ignores: ["gen/", "dist/", "demo/build.js", "node_modules/", "test/tidy/eslint.config.js"] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: join(import.meta.dirname, "../..") },
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-restricted-syntax": ["error", ...syntax],
      eqeqeq: "error",
      "prefer-const": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      // A method may be async to keep its contract when it has nothing to wait for.
      "@typescript-eslint/require-await": "off",
      // A condition that the types call constant is often a check of what came from outside.
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: true },
      ],
      // One class that only holds state behind functions is how the stores and doors are written.
      "@typescript-eslint/no-extraneous-class": "off",
      "@typescript-eslint/unified-signatures": "off",
    },
  },
  {
    files: ["src/**"],
    rules: {
      "@typescript-eslint/consistent-type-assertions": ["error", { assertionStyle: "never" }],
      "no-console": "error",
    },
  },
  {
    // Bytes and brands: what comes from a generated type or a branded constructor is cast here and nowhere else.
    files: ["src/wire/**", "src/base/**"],
    rules: { "@typescript-eslint/consistent-type-assertions": "off" },
  },
  {
    // The pure folders: time, randomness, waiting and the outside world come in as values.
    files: ["src/{raft,machine,placement,policy,domain}/**"],
    rules: {
      "no-restricted-syntax": [
        "error",
        ...syntax,
        { selector: "AwaitExpression", message: "The pure folders do not wait." },
        { selector: "Literal[bigint]", message: "64-bit values live in wire/." },
        {
          selector: "CallExpression[callee.property.name=/^(localeCompare|normalize|toLocale.*)$/]",
          message: "Its result depends on the ICU of the machine.",
        },
      ],
      "no-restricted-globals": [
        "error",
        ...[...ambient, "Date", "performance", "Intl", "Buffer"].map((name) => ({
          name,
          message: "The pure folders know no clock, environment or I/O.",
        })),
      ],
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random", message: "Randomness comes in as a value." },
      ],
    },
  },
  {
    // The engine around the core takes time and randomness from its ports, so that a seed replays a run.
    files: ["src/runtime/**"],
    rules: {
      "no-restricted-globals": [
        "error",
        ...["setTimeout", "setInterval", "setImmediate", "Date", "performance"].map((name) => ({
          name,
          message: "Use the Clock port.",
        })),
      ],
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random", message: "Use the Random port." },
      ],
    },
  },
  {
    // Settings of a process come from its command line and files, read by the composition roots.
    files: ["src/**"],
    ignores: ["src/main/**", "src/client/**"],
    rules: {
      "no-restricted-properties": [
        "error",
        { object: "process", property: "env", message: "Only main/ reads the environment." },
        { object: "Math", property: "random", message: "Take a Random from outside." },
      ],
    },
  },
  {
    files: ["test/**"],
    rules: {
      // chai's properties assert when they are read.
      "@typescript-eslint/no-unused-expressions": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
);
