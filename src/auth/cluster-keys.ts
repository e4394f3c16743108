import { randomBytes, randomInt } from "node:crypto";
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";

const POSITION_KEY_BYTES = 32;
const KEY_ID_MAX = 0xffff;

/** A new Ed25519 key: its thumbprint (RFC 7638), and the private JWK as JSON text. */
export interface GeneratedKey {
  readonly id: string;
  readonly jwk: string;
  readonly sinceMs: 0;
}

/** New keys for a cluster: what signs access tokens and audit trails, and what authenticates positions. */
export async function generateClusterKeys(): Promise<{
  readonly current: GeneratedKey;
  readonly next: GeneratedKey;
  readonly audit: GeneratedKey;
  readonly positionKey: string;
  readonly positionKeyId: number;
}> {
  return {
    current: await generateSigningKey(),
    next: await generateSigningKey(),
    audit: await generateSigningKey(),
    positionKey: randomBytes(POSITION_KEY_BYTES).toString("base64url"),
    positionKeyId: randomInt(1, KEY_ID_MAX),
  };
}

export async function generateSigningKey(): Promise<GeneratedKey> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const jwk = await exportJWK(privateKey);
  return { id: await calculateJwkThumbprint(jwk), jwk: JSON.stringify(jwk), sinceMs: 0 };
}
