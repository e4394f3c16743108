/**
 * Puts the program into few files: dist/program. Node spends most of a process's start on finding and reading modules, some
 * 1,400 of them where none is joined: a cluster is up in a third of the time.
 */
import { rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { EXTERNALS } from "./externals.js";

const dist = path.join(import.meta.dirname, "../dist");
const target = path.join(dist, "program");

rmSync(target, { recursive: true, force: true });
await build({
  entryPoints: ["cabildo", "live", "probe"].map((name) => path.join(dist, `src/main/${name}.js`)),
  outdir: target,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  sourcemap: true,
  logLevel: "warning",
  external: EXTERNALS,
  // What CommonJS packages ask for: a module has none of its own.
  banner: {
    js: 'import { createRequire as requireIn } from "node:module"; const require = requireIn(import.meta.url);',
  },
});
rmSync(path.join(dist, "cabildo"), { force: true });
symlinkSync("program/cabildo.js", path.join(dist, "cabildo"));
