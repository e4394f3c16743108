import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type { AuthService, LoginResponse } from "../../gen/cabildo/v1/auth_pb.js";

/** Gives the token of whoever uses the client. */
export interface TokenSource {
  /** One that is good for a while. Rejects once nobody is logged in any more. */
  accessToken(): Promise<string>;
}

export interface Tokens {
  readonly accessToken: string;
  readonly accessExpireMs: number;
  readonly refreshToken: string;
  readonly refreshExpireMs: number;
}

/** Where a session survives the end of the program; each method may fail, and then so does the call that needed it. */
export interface TokenStore {
  load(): Promise<Tokens | undefined>;
  /** Undefined forgets them. */
  save(tokens: Tokens | undefined): Promise<void>;
}

/** A token that ends sooner than this is renewed before it is used. */
const RENEW_BEFORE_MS = 30_000;

/** A login that renews itself. A refresh token is good once, so that one exchange at a time serves all who wait. */
export class Session implements TokenSource {
  readonly #auth: Client<typeof AuthService>;
  readonly #store: TokenStore;
  #renewing: Promise<Tokens> | undefined;

  constructor(auth: Client<typeof AuthService>, store: TokenStore = new MemoryTokens()) {
    this.#auth = auth;
    this.#store = store;
  }

  async login(userId: string, password: string, client = ""): Promise<void> {
    await this.#store.save(tokensOf(await this.#auth.login({ userId, password, client })));
  }

  async accessToken(): Promise<string> {
    const tokens = await this.#store.load();
    if (tokens === undefined) throw new Error("nobody is logged in: call login first");
    if (tokens.accessExpireMs - Date.now() > RENEW_BEFORE_MS) return tokens.accessToken;
    this.#renewing ??= this.#renew(tokens).finally(() => {
      this.#renewing = undefined;
    });
    return (await this.#renewing).accessToken;
  }

  async logout(): Promise<void> {
    const accessToken = await this.accessToken();
    await this.#auth.logout({}, { headers: { authorization: `Bearer ${accessToken}` } });
    await this.#store.save(undefined);
  }

  async #renew({ refreshToken }: Tokens): Promise<Tokens> {
    const tokens = tokensOf(await this.#auth.refresh({ refreshToken }));
    await this.#store.save(tokens);
    return tokens;
  }
}

class MemoryTokens implements TokenStore {
  #tokens: Tokens | undefined;

  load(): Promise<Tokens | undefined> {
    return Promise.resolve(this.#tokens);
  }

  save(tokens: Tokens | undefined): Promise<void> {
    this.#tokens = tokens;
    return Promise.resolve();
  }
}

function tokensOf(response: LoginResponse): Tokens {
  const { accessToken, accessExpireTime, refreshToken, refreshExpireTime } = response;
  return {
    accessToken,
    accessExpireMs: accessExpireTime === undefined ? 0 : timestampMs(accessExpireTime),
    refreshToken,
    refreshExpireMs: refreshExpireTime === undefined ? 0 : timestampMs(refreshExpireTime),
  };
}
