import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";

/** What a checkpoint of an audit trail says. */
export interface CheckpointStatement {
  readonly clusterId: string;
  /** Name of the shard. */
  readonly shard: string;
  readonly number: number;
  readonly hash: Uint8Array;
}

const PUBLIC_KEY_BYTES = 32;

/** By the cluster's audit key, a private JWK as JSON text. */
export function signCheckpoint(jwk: string, statement: CheckpointStatement): Uint8Array {
  return sign(null, textOf(statement), privateKey(jwk));
}

/** `publicKey` is the raw Ed25519 key; false for what is none. */
export function verifyCheckpoint(
  publicKey: Uint8Array,
  statement: CheckpointStatement,
  signature: Uint8Array,
): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES) return false;
  const x = Buffer.from(publicKey).toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return verify(null, textOf(statement), key, signature);
}

/** The 32 bytes that others check signatures with. */
export function publicKeyOf(jwk: string): Uint8Array {
  const { x = "" } = createPublicKey(privateKey(jwk)).export({ format: "jwk" });
  return Buffer.from(x, "base64url");
}

function privateKey(jwk: string): KeyObject {
  const key: unknown = JSON.parse(jwk);
  if (typeof key !== "object" || key === null) throw new Error("the audit key is no key");
  return createPrivateKey({ key: { ...key }, format: "jwk" });
}

/** Names cannot hold a line's end, so that no two statements have one text. */
function textOf({ clusterId, shard, number, hash }: CheckpointStatement): Buffer {
  const hex = Buffer.from(hash).toString("hex");
  return Buffer.from(`cabildo audit checkpoint\n${clusterId}\n${shard}\n${number}\n${hex}\n`);
}
