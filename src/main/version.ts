import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseObject, requireText } from "./json-shape.js";
import { PACKAGE_ROOT } from "./package-root.js";

export const VERSION = requireText(
  parseObject(readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8"), "package.json"),
  "version",
  "package.json",
);
