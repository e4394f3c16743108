import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Where programs are that not every machine has: also where Go installs them. */
export const TOOLS_PATH = [process.env["PATH"], join(homedir(), "go/bin")].join(delimiter);

/** `asked` is what the program answers to without an error. */
export async function isInstalled(program: string, asked: string): Promise<boolean> {
  return await run(program, [asked], { env: { PATH: TOOLS_PATH } }).then(
    () => true,
    () => false,
  );
}
