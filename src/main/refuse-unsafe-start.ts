/** What of a process says how it was started. */
export interface ProcessStart {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly execArgv: readonly string[];
  /** Address of an inspector that listens. */
  readonly inspector: string | undefined;
}

const REQUIRED_FLAGS = ["--disallow-code-generation-from-strings", "--disable-proto=throw"];

/** In production nothing runs that was started as it is for trying things out. */
export function refuseUnsafeStart({ env, execArgv, inspector }: ProcessStart): void {
  if (env["NODE_ENV"] !== "production") return;
  if (env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0") {
    throw new Error("NODE_TLS_REJECT_UNAUTHORIZED=0 believes every certificate: unset it");
  }
  if (inspector !== undefined) {
    throw new Error(`an inspector listens at ${inspector}: start without --inspect`);
  }
  const options = [...execArgv, ...(env["NODE_OPTIONS"] ?? "").split(" ")];
  const missing = REQUIRED_FLAGS.filter((flag) => !options.includes(flag));
  if (missing.length > 0) throw new Error(`start node with ${missing.join(" ")}`);
}
