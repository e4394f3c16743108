/** Bundles the page: dist/demo, to be served as it is. */
import { copyFileSync, mkdirSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const target = path.join(here, "../dist/demo");

mkdirSync(target, { recursive: true });
await build({
  entryPoints: [path.join(here, "src/main.ts")],
  outfile: path.join(target, "app.js"),
  tsconfig: path.join(here, "tsconfig.json"),
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  logLevel: "warning",
});
for (const file of ["index.html", "style.css"]) {
  copyFileSync(path.join(here, file), path.join(target, file));
}
