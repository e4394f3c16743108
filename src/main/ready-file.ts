import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findFile, writeFileAtomic } from "./files.js";
import { asObject, optionalTexts, parseObject, requireList, requireText } from "./json-shape.js";
import type { ChildSpec } from "./supervisor/child.js";

/** What `cabildo up` says when its cluster serves, on stdout and in ready.json: all that a program needs to use it. */
export interface Ready {
  readonly ready: true;
  readonly clusterId: string;
  /** Process id of the supervisor. */
  readonly pid: number;
  /** Base URL of the first coordinator; `apis` has all. */
  readonly api: string;
  readonly apis: readonly string[];
  /** URL of the first fan-out's socket; `wsss` has all. */
  readonly wss: string;
  readonly wsss: readonly string[];
  readonly metrics: readonly { readonly name: string; readonly url: string }[];
  readonly nodes: readonly ReadyNode[];
  readonly coordinators: readonly ReadyDoor[];
  readonly fanouts: readonly ReadyFanout[];
  /** PEM files. */
  readonly ca: string;
  readonly operatorCert: string;
  readonly operatorKey: string;
  /** File with the credential that makes the first administrator, once. */
  readonly adminCredential: string;
  readonly dataDir: string;
  /** The page of `--demo`. */
  readonly demo?: string;
}

export interface ReadyNode {
  readonly name: string;
  readonly pid: number;
  /** host:port */
  readonly address: string;
  /** Names of the shards that it has a replica of. */
  readonly replicas: readonly string[];
  /** How the process is started, for who restarts it by hand. */
  readonly command: readonly string[];
}

export interface ReadyDoor {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  readonly command: readonly string[];
}

export interface ReadyFanout extends ReadyDoor {
  /** What serves its sockets: uws, or ws where that does not load. */
  readonly transport: string;
}

const READY_FILE = "ready.json";
const LOOK_AGAIN_MS = 250;

export const commandOf = ({ command, args }: ChildSpec): readonly string[] => [command, ...args];

export async function writeReady(dataDir: string, ready: Ready): Promise<void> {
  await writeFileAtomic(join(dataDir, READY_FILE), `${JSON.stringify(ready)}\n`);
}

/** What the other commands take from ready.json. */
export interface LocalCluster {
  readonly pid: number;
  readonly api: string;
  readonly wss: string;
  /** Of all fan-outs; empty where that is not said. */
  readonly wsss: readonly string[];
  readonly ca: string;
  readonly operatorCert: string;
  readonly operatorKey: string;
  readonly nodes: readonly {
    readonly name: string;
    /** 0 if that is not said. */
    readonly pid: number;
    readonly address: string;
  }[];
}

export async function findLocalCluster(dataDir: string): Promise<LocalCluster | undefined> {
  const path = join(dataDir, READY_FILE);
  const text = await findFile(path);
  if (text === undefined) return undefined;
  const object = parseObject(text, path);
  // Relative to the directory where it may be moved, as into a container.
  const file = (field: string): string => resolve(dataDir, requireText(object, field, path));
  return {
    pid: numberOr0(object["pid"]),
    api: requireText(object, "api", path),
    wss: requireText(object, "wss", path),
    wsss: optionalTexts(object, "wsss", path),
    ca: file("ca"),
    operatorCert: file("operatorCert"),
    operatorKey: file("operatorKey"),
    nodes: requireList(object, "nodes", path).map((node) => ({
      name: requireText(asObject(node, path), "name", path),
      pid: numberOr0(asObject(node, path)["pid"]),
      address: requireText(node, "address", path),
    })),
  };
}

const numberOr0 = (value: unknown): number => (typeof value === "number" ? value : 0);

export async function requireLocalCluster(dataDir: string): Promise<LocalCluster> {
  const cluster = await findLocalCluster(dataDir);
  if (cluster === undefined) throw noLocalCluster(dataDir);
  return cluster;
}

/** The same, for who starts beside the cluster and may be the first of the two. */
export async function awaitLocalCluster(dataDir: string, seconds: number): Promise<LocalCluster> {
  const endMs = performance.now() + seconds * 1000;
  for (;;) {
    const cluster = await findLocalCluster(dataDir);
    if (cluster !== undefined) return cluster;
    if (performance.now() > endMs) throw noLocalCluster(dataDir);
    await sleep(LOOK_AGAIN_MS);
  }
}

export function noLocalCluster(dataDir: string): Error {
  return new Error(
    `no cluster has run from ${dataDir}: start one with \`make up\`, or say with --data where it is`,
  );
}
