/**
 * Says in a line what to do about each native module that does not load here. `make up` runs it before anything else. With
 * `--native`, as an image is built, uWebSockets.js has to load too.
 */
import { spawnSync } from "node:child_process";
import { probeNativeTransport } from "../fanout/index.js";
import { say } from "./command-line-parts.js";

interface NativeModule {
  readonly name: string;
  readonly use: string;
  /** Statements that fail where the module does not work. */
  readonly script: string;
}

const PROBE_MS = 20_000;

const REQUIRED: readonly NativeModule[] = [
  {
    name: "rocksdb",
    use: "the store of every node",
    script: 'require("rocksdb")("unused"); process.exit(0);',
  },
  {
    name: "@node-rs/argon2",
    use: "passwords",
    script:
      'require("@node-rs/argon2").hash("x").then(() => process.exit(0), () => process.exit(1));',
  },
];

/** A child does it: a module of another ABI may take its process with it. */
function loads({ script }: NativeModule): boolean {
  const { status } = spawnSync(process.execPath, ["--eval", script], {
    timeout: PROBE_MS,
    stdio: "ignore",
  });
  return status === 0;
}

const missing = REQUIRED.filter((module) => !loads(module));
for (const { name, use } of missing) {
  say(
    `${name} (${use}) does not load on Node ${process.version} here: remove node_modules and run \`make\` ` +
      "with this Node on Linux x64 with glibc, or `npm rebuild` where there is a compiler",
  );
}
const transport = await probeNativeTransport();
if (!transport.native) say(`${transport.reason}: the fan-out uses ws instead`);
const enough = transport.native || !process.argv.includes("--native");
process.exitCode = missing.length === 0 && enough ? 0 : 1;
