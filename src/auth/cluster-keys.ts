import { randomBytes, randomInt } from "node:crypto";
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";

const POSITION_KEY_BYTES = 32;
const KEY_ID_MAX = 0xffff;

/** New keys for a cluster: what signs access tokens, and what authenticates positions. */
export async function generateClusterKeys(): Promise<{
  readonly signingJwk: string;
  readonly signingKeyId: string;
  readonly positionKey: string;
  readonly positionKeyId: number;
}> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const jwk = await exportJWK(privateKey);
  return {
    signingJwk: JSON.stringify(jwk),
    signingKeyId: await calculateJwkThumbprint(jwk),
    positionKey: randomBytes(POSITION_KEY_BYTES).toString("base64url"),
    positionKeyId: randomInt(1, KEY_ID_MAX),
  };
}
