import { spawn } from "node:child_process";
import { expect } from "chai";
import { CABILDO, type UpCluster } from "./up-cluster.js";

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a command beside this process, whose own clients go on meanwhile. */
export function runCabildo(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CABILDO, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

/** A command for a cluster, which has to succeed; what it printed. */
export async function operate(cluster: UpCluster, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await runCabildo(...args, "--data", cluster.ready.dataDir);
  expect(code, `${args.join(" ")}: ${err}`).to.equal(0);
  return out;
}
