import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isInstalled, TOOLS_PATH } from "../support/tools.js";

const run = promisify(execFile);
const FOLDER = "test/edge";
/** As a program, which the suite starts. */
const SERVER = "dist/test/edge/server.js";
const RUN_TIMEOUT_MS = 280_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/**
 * What is up to chance: whether client or server notices first that the time is over, and only ours gives a reason; whether a
 * client reads the body of a 405 or 415, in which is told in JSON what would be a request, where nothing is expected.
 */
const CHANCE = [
  "Timeouts/**",
  "**/unexpected-codec",
  "**/unexpected-verb",
  "Unexpected Requests/**/unexpected-content-type",
];
/** Refused in Connect's own words where the short way is off, and with a google.rpc.ErrorInfo that is not expected where on. */
const COUNTS = ["**/unary/multiple-requests", "**/unary/no-request"];
/** No method of the API takes a stream of requests, so that none has to be ended in the middle. */
const SKIPPED = "Server Message Size/**/client-stream/**";

const SUITE = "connectconformance";

export async function isSuiteInstalled(): Promise<boolean> {
  return await isInstalled(SUITE, "--version");
}

export interface Verdict {
  readonly ok: boolean;
  /** What failed unexpectedly, and the counts. */
  readonly text: string;
}

export async function judgeEdge(shortWay: string): Promise<Verdict> {
  const directory = await mkdtemp(join(tmpdir(), "cabildo-edge-"));
  try {
    const descriptors = join(directory, "descriptors.binpb");
    const kept = ["-o", descriptors, "--as-file-descriptor-set"];
    await run("node_modules/.bin/buf", ["build", `${FOLDER}/proto`, ...kept]);
    const flaky = shortWay === "on" ? CHANCE : [...CHANCE, ...COUNTS];
    const listed = join(directory, "known-failing.txt");
    const always = await readFile(`${FOLDER}/known-failing.txt`, "utf8");
    await writeFile(listed, [always, ...(shortWay === "on" ? COUNTS : [])].join("\n"));
    return await judge([
      // One at a time: a server has ten seconds to start, and four that start at once take longer on a busy machine.
      ...["--mode", "server", "--conf", `${FOLDER}/config.yaml`, "--max-servers", "1"],
      ...["--known-failing", `@${listed}`],
      ...["--skip", SKIPPED],
      ...flaky.flatMap((pattern) => ["--known-flaky", pattern]),
      ...["--", process.execPath, SERVER, descriptors, shortWay],
    ]);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function judge(args: readonly string[]): Promise<Verdict> {
  const options = { env: { ...process.env, PATH: TOOLS_PATH }, timeout: RUN_TIMEOUT_MS };
  return await run(SUITE, [...args], { ...options, maxBuffer: OUTPUT_BYTES_MAX }).then(
    ({ stdout, stderr }) => ({ ok: true, text: withoutExpected(stdout + stderr) }),
    (error: unknown) => {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      const text = withoutExpected(stdout + stderr);
      return { ok: false, text: `${text}${String(error).slice(0, 200)}` };
    },
  );
}

/** Each case begins a line; what follows of it is indented. */
function withoutExpected(output: string): string {
  return output.replaceAll(/^INFO: .*\n(?:[\t ;].*\n)*/gmu, "");
}
