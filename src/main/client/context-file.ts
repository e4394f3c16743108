import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { findFile, writeFileAtomic } from "../files.js";
import { parseObject, requireNumber, requireText } from "../json-shape.js";

/** Where somebody is logged in, and as whom. Readable by its owner alone. */
export interface Context {
  /** Base URL of the API, and of the live channels. */
  readonly api: string;
  readonly wss: string;
  /** PEM file of the authority that signed their certificates. */
  readonly ca: string;
  /** User id. */
  readonly user: string;
  /** IANA name of the zone in which the user reads and writes local times. */
  readonly timeZone: string;
  readonly accessToken: string;
  readonly accessExpireMs: number;
  readonly refreshToken: string;
  readonly refreshExpireMs: number;
}

/** $CABILDO_CONFIG, or context.json in the user's configuration directory. */
export function contextPath(env: NodeJS.ProcessEnv = process.env): string {
  const named = env["CABILDO_CONFIG"];
  if (named !== undefined && named !== "") return named;
  const configured = env["XDG_CONFIG_HOME"];
  const home =
    configured !== undefined && configured !== "" ? configured : join(homedir(), ".config");
  return join(home, "cabildo", "context.json");
}

/** A file that belongs to a context, beside it. */
export function besideContext(path: string, suffix: string): string {
  return `${path.replace(/\.json$/u, "")}-${suffix}`;
}

export async function readContext(path: string): Promise<Context> {
  const text = await findFile(path);
  if (text === undefined) throw new Error("nobody is logged in: run `cabildo login` first");
  const object = parseObject(text, path);
  return {
    api: requireText(object, "api", path),
    wss: requireText(object, "wss", path),
    ca: requireText(object, "ca", path),
    user: requireText(object, "user", path),
    timeZone: requireText(object, "timeZone", path),
    accessToken: requireText(object, "accessToken", path),
    accessExpireMs: requireNumber(object, "accessExpireMs", path),
    refreshToken: requireText(object, "refreshToken", path),
    refreshExpireMs: requireNumber(object, "refreshExpireMs", path),
  };
}

export async function writeContext(path: string, context: Context): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, `${JSON.stringify(context, null, 2)}\n`, 0o600);
}
