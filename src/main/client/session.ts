import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { LoginResponse } from "../../../gen/cabildo/v1/auth_pb.js";
import type { Context } from "./context-file.js";
import { readContext, writeContext } from "./context-file.js";
import { withFileLock } from "./file-lock.js";

/** Exchanges a refresh token. */
export type Refresh = (context: Context) => Promise<LoginResponse>;

/** A token that ends sooner than this is renewed before it is used. */
const RENEW_BEFORE_MS = 30_000;

/**
 * The login that a context file keeps. A refresh token is good once: the file is locked while it is exchanged, and who waited
 * for the lock takes what the other one got.
 */
export class Session {
  readonly #path: string;
  readonly #refresh: Refresh;

  constructor(path: string, refresh: Refresh) {
    this.#path = path;
    this.#refresh = refresh;
  }

  /** With an access token that is still good for a while. */
  async context(): Promise<Context> {
    const context = await readContext(this.#path);
    if (isFresh(context)) return context;
    return await withFileLock(`${this.#path}.lock`, () => this.#renew());
  }

  async #renew(): Promise<Context> {
    const context = await readContext(this.#path);
    if (isFresh(context)) return context;
    if (context.refreshExpireMs <= Date.now()) {
      throw new Error(`the session of ${context.user} has ended: run \`cabildo login\` again`);
    }
    const renewed = { ...context, ...tokensOf(await this.#refresh(context)) };
    await writeContext(this.#path, renewed);
    return renewed;
  }
}

function isFresh({ accessExpireMs }: Context): boolean {
  return accessExpireMs - Date.now() > RENEW_BEFORE_MS;
}

export function tokensOf(
  response: LoginResponse,
): Pick<Context, "accessToken" | "accessExpireMs" | "refreshToken" | "refreshExpireMs"> {
  const { accessExpireTime, refreshExpireTime } = response;
  return {
    accessToken: response.accessToken,
    accessExpireMs: accessExpireTime === undefined ? 0 : timestampMs(accessExpireTime),
    refreshToken: response.refreshToken,
    refreshExpireMs: refreshExpireTime === undefined ? 0 : timestampMs(refreshExpireTime),
  };
}
