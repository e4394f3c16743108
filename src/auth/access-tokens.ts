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

export interface AccessTokensOptions {
  readonly clusterId: string;
  /** Private Ed25519 JWK. */
  readonly signingJwk: JWK;
  readonly keyId: string;
  readonly wallMs: () => number;
  readonly newId: () => string;
}

/**
 * Access tokens: JWTs signed with Ed25519, of type at+jwt (RFC 9068), for five minutes, for this cluster's API alone. The key
 * is pinned: nothing in a token chooses key or algorithm (RFC 8725).
 */
export class AccessTokens {
  readonly #options: AccessTokensOptions;
  readonly #privateKey: CryptoKey;
  readonly #publicKey: CryptoKey;
  readonly #issuer: string;
  #remembered = new Map<string, AccessClaims>();

  static async open(options: AccessTokensOptions): Promise<AccessTokens> {
    const privateKey = await importKey(options.signingJwk);
    const publicKey = await importKey(publicJwk(options.signingJwk));
    return new AccessTokens(options, privateKey, publicKey);
  }

  private constructor(options: AccessTokensOptions, privateKey: CryptoKey, publicKey: CryptoKey) {
    this.#options = options;
    this.#privateKey = privateKey;
    this.#publicKey = publicKey;
    this.#issuer = `cabildo://${options.clusterId}`;
  }

  /** The key set that others verify with (RFC 7517). */
  get jwks(): { readonly keys: readonly JWK[] } {
    const { signingJwk, keyId } = this.#options;
    return { keys: [{ ...publicJwk(signingJwk), kid: keyId, alg: ALGORITHM, use: "sig" }] };
  }

  async mint(claims: Omit<AccessClaims, "expireTimeMs">): Promise<{
    readonly token: string;
    readonly expireTimeMs: number;
  }> {
    const nowSeconds = Math.floor(this.#options.wallMs() / 1000);
    const expireSeconds = nowSeconds + LIFETIME_SECONDS;
    const token = await new SignJWT({ sid: claims.sessionId, roles: claims.roles })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: this.#options.keyId })
      .setIssuer(this.#issuer)
      .setAudience(AUDIENCE)
      .setSubject(claims.user)
      .setJti(this.#options.newId())
      .setIssuedAt(nowSeconds)
      .setNotBefore(nowSeconds)
      .setExpirationTime(expireSeconds)
      .sign(this.#privateKey);
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
      const { payload } = await jwtVerify(token, this.#publicKey, {
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
