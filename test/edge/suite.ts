import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const FOLDER = "test/edge";
/** As a program, because the suite starts several at once. */
const SERVER = "dist/test/edge/server.js";
const RUN_TIMEOUT_MS = 120_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const PATH = [process.env["PATH"], join(homedir(), "go/bin")].join(delimiter);

/**
 * What is up to chance: whether client or server notices first that the time is over, and only ours gives a reason; whether a
 * client reads the body of a 415.
 */
const CHANCE = [
  "Timeouts/**",
  "gRPC Unexpected Requests/**/unexpected-codec",
  "Unexpected Requests/**/unexpected-content-type",
];
/** Refused in Connect's own words where the short way is off, and with a google.rpc.ErrorInfo that is not expected where on. */
const COUNTS = ["**/unary/multiple-requests", "**/unary/no-request"];
/** Apart, because they leave connections behind on which node:http may lose the next request (it says 503 then). */
const SIZES = ["Server Message Size/**/unary/**", "Server Message Size/**/server-stream/**"];

/** The name of the program; undefined where it is not installed. */
export async function findSuite(): Promise<string | undefined> {
  return await run("connectconformance", ["--version"], { env: { PATH } }).then(
    () => "connectconformance",
    () => undefined,
  );
}

export interface Verdict {
  readonly ok: boolean;
  readonly text: string;
}

export async function judgeEdge(suite: string, shortWay: string): Promise<Verdict> {
  const directory = await mkdtemp(join(tmpdir(), "cabildo-edge-"));
  try {
    const descriptors = join(directory, "descriptors.binpb");
    const kept = ["-o", descriptors, "--as-file-descriptor-set"];
    await run("node_modules/.bin/buf", ["build", `${FOLDER}/proto`, ...kept]);
    const verdicts: Verdict[] = [];
    const flags = (flag: string, values: readonly string[]): readonly string[] =>
      values.flatMap((value) => [flag, value]);
    const flaky = shortWay === "on" ? CHANCE : [...CHANCE, ...COUNTS];
    const listed = join(directory, "known-failing.txt");
    const always = await readFile(`${FOLDER}/known-failing.txt`, "utf8");
    await writeFile(listed, [always, ...(shortWay === "on" ? COUNTS : [])].join("\n"));
    const parts = [
      [...flags("--skip", ["Server Message Size/**"]), ...flags("--known-flaky", flaky)],
      flags("--run", SIZES),
    ];
    for (const part of parts) {
      const server = ["--", process.execPath, SERVER, descriptors, shortWay];
      const options = ["--mode", "server", "--conf", `${FOLDER}/config.yaml`];
      const known = ["--known-failing", `@${listed}`];
      verdicts.push(await judge(suite, [...options, ...known, ...part, ...server]));
    }
    return {
      ok: verdicts.every(({ ok }) => ok),
      text: verdicts.map(({ text }) => text).join("\n"),
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function judge(suite: string, args: readonly string[]): Promise<Verdict> {
  const options = { env: { ...process.env, PATH }, timeout: RUN_TIMEOUT_MS };
  return await run(suite, [...args], { ...options, maxBuffer: OUTPUT_BYTES_MAX }).then(
    ({ stdout, stderr }) => ({ ok: true, text: stdout + stderr }),
    (error: unknown) => {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      return { ok: false, text: `${stdout}${stderr}${String(error).slice(0, 200)}` };
    },
  );
}
