import { execFile } from "node:child_process";
import { createRequire } from "node:module";

export interface NativeProbe {
  readonly native: boolean;
  /** Why not, for the log. */
  readonly reason: string;
}

/** Of a machine so busy that a process takes as long to start: another library for as long as this one lives is worse. */
const PROBE_MS = 60_000;

// The package falls back to a JavaScript server that has no SSLApp: a bound native function proves that it did not.
const SCRIPT = `
const uws = require(process.argv[1]);
const native = typeof uws.SSLApp === "function"
  && Function.prototype.toString.call(uws.SSLApp).includes("[native code]");
process.stdout.write(native ? "native" : "fallback");
process.exit(0);
`;

/** What the package says before it falls back. */
const CAUSE = /^Error: .*$/mu;

/**
 * Whether uWebSockets.js loads its native build here, with TLS. Asked of a child process, because a build of another ABI may
 * take the process with it and because the fallback, once loaded, stays.
 */
export async function probeNativeTransport(library = "uWebSockets.js"): Promise<NativeProbe> {
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve(library);
  } catch {
    return { native: false, reason: "uWebSockets.js is not installed" };
  }
  return await new Promise((resolve) => {
    execFile(
      process.execPath,
      ["-e", SCRIPT, path],
      { timeout: PROBE_MS },
      (error, stdout, stderr) => {
        if (error !== null) {
          resolve({ native: false, reason: `uWebSockets.js does not load: ${error.message}` });
        } else if (stdout === "native") {
          resolve({ native: true, reason: "" });
        } else {
          const none = `no native build of uWebSockets.js for Node ${process.version} on this system`;
          const [cause] = CAUSE.exec(stderr) ?? [];
          resolve({ native: false, reason: cause === undefined ? none : `${none}: ${cause}` });
        }
      },
    );
  });
}
