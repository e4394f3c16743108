import { readFileSync } from "node:fs";
import { parseObject, requireText } from "./json-shape.js";

/** From package.json, which lies above the sources as well as above what is built from them. */
export const VERSION = findVersion(new URL(".", import.meta.url));

function findVersion(directory: URL): string {
  const path = new URL("package.json", directory);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    const above = new URL("..", directory);
    if (above.href === directory.href) return "unknown";
    return findVersion(above);
  }
  return requireText(parseObject(text, "package.json"), "version", "package.json");
}
