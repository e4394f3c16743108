import { importJWK, jwtVerify, SignJWT } from "jose";
import type { CryptoKey, JWK } from "jose";
import { ClusterError } from "../base/index.js";

const AUDIENCE = "cabildo-api";
const TYPE = "at+jwt";
const ALGORITHM = "EdDSA";
const LIFETIME_SECONDS = 300;
const CLOCK_TOLERANCE_SECONDS = 5;
/** Verified tokens that are remembered: verifying a signature costs about 100 us. */
const REMEMBERED_MAX = 10_000;

const ROLES = ["admin", "operator", "auditor"] as const;

export interface AccessClaims {
  readonly user: string;
  readonly sessionId: string;
  readonly roles: readonly (typeof ROLES)[number][];
  readonly expireTimeMs: number;
}

export interface TokenKey {
  readonly id: string;
  /** Private Ed25519 JWK. */
  readonly jwk: JWK;
}

export interface AccessTokensOptions {
  readonly clusterId: string;
  /** The first one signs; what another one signed is believed too. */
  readonly keys: readonly [TokenKey, ...TokenKey[]];
  readonly wallMs: () => number;
  readonly newId: () => string;
}

/**
 * Access tokens: JWTs signed with Ed25519, of type at+jwt (RFC 9068), for five minutes, for this cluster's API alone. The keys
 * are pinned: a token chooses among them, and nothing else (RFC 8725).
 */
export class AccessTokens {
  readonly #options: AccessTokensOptions;
  readonly #signing: { readonly id: string; readonly key: CryptoKey };
  readonly #publicKeys: ReadonlyMap<string, CryptoKey>;
  readonly #issuer: string;
  #remembered = new Map<string, AccessClaims>();

  static async open(options: AccessTokensOptions): Promise<AccessTokens> {
    const [first] = options.keys;
    const signing = { id: first.id, key: await importKey(first.jwk) };
    const publicKeys = new Map<string, CryptoKey>();
    for (const { id, jwk } of options.keys) publicKeys.set(id, await importKey(publicJwk(jwk)));
    return new AccessTokens(options, signing, publicKeys);
  }

  private constructor(
    options: AccessTokensOptions,
    signing: { readonly id: string; readonly key: CryptoKey },
    publicKeys: ReadonlyMap<string, CryptoKey>,
  ) {
    this.#options = options;
    this.#signing = signing;
    this.#publicKeys = publicKeys;
    this.#issuer = `cabildo://${options.clusterId}`;
  }

  /** The key set that others verify with (RFC 7517). */
  get jwks(): { readonly keys: readonly JWK[] } {
    const { keys } = this.#options;
    return {
      keys: keys.map(({ id, jwk }) => ({
        ...publicJwk(jwk),
        kid: id,
        alg: ALGORITHM,
        use: "sig",
      })),
    };
  }

  async mint(claims: Omit<AccessClaims, "expireTimeMs">): Promise<{
    readonly token: string;
    readonly expireTimeMs: number;
  }> {
    const nowSeconds = Math.floor(this.#options.wallMs() / 1000);
    const expireSeconds = nowSeconds + LIFETIME_SECONDS;
    const token = await new SignJWT({ sid: claims.sessionId, roles: claims.roles })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: this.#signing.id })
      .setIssuer(this.#issuer)
      .setAudience(AUDIENCE)
      .setSubject(claims.user)
      .setJti(this.#options.newId())
      .setIssuedAt(nowSeconds)
      .setNotBefore(nowSeconds)
      .setExpirationTime(expireSeconds)
      .sign(this.#signing.key);
    return { token, expireTimeMs: expireSeconds * 1000 };
  }

  /** Fails with `unauthenticated`; the text says what to do, never why exactly. */
  async verify(token: string): Promise<AccessClaims> {
    const nowMs = this.#options.wallMs();
    const known = this.#remembered.get(token);
    if (known !== undefined && known.expireTimeMs > nowMs) return known;
    const claims = await this.#verifySignature(token, nowMs);
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered = new Map();
    this.#remembered.set(token, claims);
    return claims;
  }

  async #verifySignature(token: string, nowMs: number): Promise<AccessClaims> {
    try {
      const { payload } = await jwtVerify(token, ({ kid }) => this.#requireKey(kid), {
        algorithms: [ALGORITHM],
        issuer: this.#issuer,
        audience: AUDIENCE,
        typ: TYPE,
        requiredClaims: ["sub", "sid", "iat", "nbf", "exp", "jti"],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(nowMs),
      });
      const { sub, exp } = payload;
      const sid = payload["sid"];
      const roles = payload["roles"];
      if (typeof sub !== "string" || typeof sid !== "string" || exp === undefined) {
        throw new Error("a claim of the wrong type");
      }
      return {
        user: sub,
        sessionId: sid,
        roles: ROLES.filter((role) => Array.isArray(roles) && roles.includes(role)),
        expireTimeMs: exp * 1000,
      };
    } catch (cause) {
      throw new ClusterError(
        "unauthenticated",
        "the access token is not valid or no longer valid: refresh it or log in again",
        {},
        cause,
      );
    }
  }

  #requireKey(id: string | undefined): CryptoKey {
    const key = this.#publicKeys.get(id ?? "");
    if (key === undefined) throw new Error("a key that is none of the cluster's");
    return key;
  }
}

async function importKey(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, ALGORITHM);
  if (key instanceof Uint8Array) throw new Error("the signing key must be asymmetric");
  return key;
}

function publicJwk(jwk: JWK): JWK {
  const { kty, crv, x } = jwk;
  return {
    ...(kty === undefined ? {} : { kty }),
    ...(crv === undefined ? {} : { crv }),
    ...(x === undefined ? {} : { x }),
  };
}
