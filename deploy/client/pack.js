/** Packs the client library, with what it uses of gen/, as a package of its own: dist/cabildo-VERSION.tgz. */
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "../..");
const target = path.join(root, "dist/package");
const { version, license, dependencies } = JSON.parse(
  readFileSync(path.join(root, "package.json"), "utf8"),
);

const pinned = (...names) => Object.fromEntries(names.map((name) => [name, dependencies[name]]));

rmSync(target, { recursive: true, force: true });
execFileSync(path.join(root, "node_modules/.bin/tsc"), ["-p", import.meta.dirname], {
  stdio: "inherit",
});
writeFileSync(
  path.join(target, "package.json"),
  `${JSON.stringify(
    {
      name: "cabildo",
      version,
      description: "Client of Cabildo: its API and its live channels",
      license,
      type: "module",
      sideEffects: false,
      exports: {
        "./client": {
          types: "./src/client/index.d.ts",
          browser: "./src/client/browser.js",
          default: "./src/client/index.js",
        },
        "./v1/*": {
          types: "./gen/cabildo/v1/*_pb.d.ts",
          default: "./gen/cabildo/v1/*_pb.js",
        },
      },
      dependencies: pinned(
        "@bufbuild/protobuf",
        "@connectrpc/connect",
        "@connectrpc/connect-node",
        "@connectrpc/connect-web",
      ),
      peerDependencies: { ws: "^8.0.0" },
      peerDependenciesMeta: { ws: { optional: true } },
    },
    null,
    2,
  )}\n`,
);
copyFileSync(path.join(root, "LICENSE"), path.join(target, "LICENSE"));
copyFileSync(path.join(root, "docs/CLIENT.md"), path.join(target, "README.md"));
const [{ filename }] = JSON.parse(
  execFileSync("npm", ["pack", "--json", "--pack-destination", ".."], {
    cwd: target,
    encoding: "utf8",
  }),
);
console.log(path.join("dist", filename));
