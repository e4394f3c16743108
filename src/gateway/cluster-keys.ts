import { setTimeout as wait } from "node:timers/promises";
import {
  AccessTokens,
  generateClusterKeys,
  generateSigningKey,
  PositionTokens,
} from "../auth/index.js";
import type { TokenKey } from "../auth/index.js";
import { ClusterError } from "../base/index.js";
import type { ClusterKeys, SigningKey } from "../domain/index.js";
import type { ShardCalls } from "./shard-calls.js";
import { SYSTEM } from "./shard-calls.js";

/** What the cluster's keys are for. */
export interface Keyring {
  readonly accessTokens: AccessTokens;
  readonly positions: PositionTokens;
}

export interface KeyringOptions {
  readonly clusterId: string;
  readonly wallMs: () => number;
  readonly newId: () => string;
}

export interface KeyFollower {
  readonly calls: () => ShardCalls;
  readonly signal: AbortSignal;
  readonly wallMs: () => number;
  /** Between two looks. */
  readonly lookMs: number;
  readonly onTrouble: (cause: unknown) => void;
  readonly changed: (keys: ClusterKeys) => Promise<void>;
}

/** Much more often than a key can become the one that signs: see the machine's least age of keys. */
export const KEYS_LOOK_MS = 60_000;
const ROTATE_AFTER_MS = 30 * 86_400_000;
const RETRY_MS = 200;
const RETRY_MAX_MS = 2_000;

/**
 * The keys of the cluster: whoever comes first makes them, all others read them. Tries until it works, because a cluster that
 * starts has no leader for a while. Fails only when `signal` is aborted.
 */
export async function obtainKeys(
  calls: () => ShardCalls,
  signal: AbortSignal,
  onTrouble: (cause: unknown) => void,
): Promise<ClusterKeys> {
  for (let delayMs = RETRY_MS; ; delayMs = Math.min(delayMs * 2, RETRY_MAX_MS)) {
    signal.throwIfAborted();
    try {
      return await readOrMake(calls());
    } catch (cause) {
      signal.throwIfAborted();
      onTrouble(cause);
    }
    await wait(delayMs, undefined, { signal });
  }
}

export async function openKeyring(keys: ClusterKeys, options: KeyringOptions): Promise<Keyring> {
  const { clusterId, wallMs, newId } = options;
  return {
    accessTokens: await AccessTokens.open({
      clusterId,
      wallMs,
      newId,
      keys: [
        tokenKey(keys.current),
        tokenKey(keys.next),
        ...(keys.previous === undefined ? [] : [tokenKey(keys.previous)]),
      ],
    }),
    positions: new PositionTokens({
      clusterId,
      key: keys.positionKey,
      keyId: keys.positionKeyId,
    }),
  };
}

/**
 * Looks again now and then, so that keys are known before they sign; rotates those that have signed long enough. Never fails,
 * ends with `signal`. Of several doors that find it is time, the shard takes the word of one.
 */
export async function followKeys(
  first: ClusterKeys,
  { calls, signal, wallMs, lookMs, onTrouble, changed }: KeyFollower,
): Promise<void> {
  let known = first;
  for (;;) {
    const ended = await wait(lookMs, false, { signal, ref: false }).catch(() => true);
    if (ended) return;
    try {
      const found = await findKeys(calls());
      if (found === undefined) continue;
      if (found.current.id !== known.current.id || found.next.id !== known.next.id) {
        await changed(found);
        known = found;
      }
      if (wallMs() - found.current.sinceMs < ROTATE_AFTER_MS) continue;
      const shard = calls().of("system", "");
      await calls().execute(shard, SYSTEM, {
        kind: "rotate-cluster-keys",
        expected: found.current.id,
        next: await generateSigningKey(),
      });
    } catch (cause) {
      if (!isRefusal(cause, "failed-precondition")) onTrouble(cause);
    }
  }
}

async function readOrMake(calls: ShardCalls): Promise<ClusterKeys> {
  const found = await findKeys(calls);
  if (found !== undefined) return found;
  try {
    const operation = { kind: "create-cluster-keys", keys: await generateClusterKeys() } as const;
    await calls.execute(calls.of("system", ""), SYSTEM, operation);
  } catch (cause) {
    // Another one was faster: the first keys are the keys.
    if (!isRefusal(cause, "already-exists")) throw cause;
  }
  const made = await findKeys(calls);
  if (made === undefined) throw new ClusterError("internal", "keys were made and are not there");
  return made;
}

async function findKeys(calls: ShardCalls): Promise<ClusterKeys | undefined> {
  try {
    const question = { kind: "get-cluster-keys" } as const;
    return (await calls.read(calls.of("system", ""), SYSTEM, question)).answer.keys;
  } catch (cause) {
    if (isRefusal(cause, "not-found")) return undefined;
    throw cause;
  }
}

function isRefusal(cause: unknown, code: ClusterError["code"]): boolean {
  return cause instanceof ClusterError && cause.code === code;
}

function tokenKey({ id, jwk }: SigningKey): TokenKey {
  return { id, jwk: parseJwk(jwk) };
}

function parseJwk(text: string): object {
  const value: unknown = JSON.parse(text);
  if (typeof value === "object" && value !== null) return value;
  throw new ClusterError("corrupt-storage", "the cluster's signing key is no key");
}
