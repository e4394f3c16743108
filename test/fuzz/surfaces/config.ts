import type { DescMessage } from "@bufbuild/protobuf";
import {
  AuditCheckpointSchema,
  AuditEntrySchema,
  AuditKeySchema,
} from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { generateSigningKey, publicKeyOf } from "../../../src/auth/index.js";
import { parseTrails } from "../../../src/main/audit/trail-file.js";
import { verifyTrails } from "../../../src/main/audit/verify-trail.js";
import { parseClusterFile } from "../../../src/main/cluster-file.js";
import { DEFAULT_RANGE_MAP } from "../../../src/placement/index.js";
import type { SeededRandom } from "../../raft/seeded-random.js";
import { anyJson } from "../messages.js";
import { changeJson, changeText } from "../nonsense.js";
import type { Target } from "../target.js";

const CLUSTER = {
  ...{ clusterId: "c1", name: "cabildo", formed: true, bootstrapHash: "ab" },
  rangeMap: DEFAULT_RANGE_MAP,
  nodes: [
    {
      ...{ name: "node-1", host: "127.0.0.1", port: 7453, metricsPort: 7493 },
      replicas: [{ shard: 1, replica: 65_537 }],
    },
  ],
};

/** Files that somebody may have edited: they are read, or refused in words that say where the fault is. */
export async function openConfig(): Promise<Target> {
  const { id, jwk } = await generateSigningKey();
  const key = { keyId: id, publicKey: Buffer.from(publicKeyOf(jwk)).toString("base64") };
  return {
    run: (random) =>
      Promise.resolve(random.chance(0.5) ? readCluster(random) : readTrails(random, key)),
    faults: () => [],
    close: () => Promise.resolve(),
  };
}

function readCluster(random: SeededRandom): string {
  const text = changeJson(random, CLUSTER);
  return said("cluster file", () => parseClusterFile(text, "cluster.json"), /^cluster\.json/u);
}

function readTrails(random: SeededRandom, key: object): string {
  const line = (name: string, value: unknown): string => JSON.stringify({ [name]: value });
  const lines = [line("clusterId", "c1"), line("key", key)];
  for (let left = random.between(0, 5); left > 0; left--) {
    lines.push(line("entry", told(AuditEntrySchema, random, key)));
    if (random.chance(0.5))
      lines.push(line("checkpoint", told(AuditCheckpointSchema, random, key)));
    if (random.chance(0.1)) lines.push(line("key", told(AuditKeySchema, random, key)));
  }
  const changed = lines.map((one) => {
    if (random.chance(0.9)) return one;
    return random.chance(0.5) ? changeText(random, one) : changeJson(random, JSON.parse(one));
  });
  const text = changed.join("\n");
  return said("trail", () => verifyTrails(parseTrails([text])), /^line \d+ /u);
}

/** As the descriptors say, but mostly of one shard, early in its trail, and with the key that there is. */
function told(desc: DescMessage, random: SeededRandom, key: object): object {
  const json = anyJson(desc, random, () => ["users", "a"]);
  const known = { shard: "users", number: String(random.between(1, 3)), ...key };
  const own = Object.entries(known).filter(([name]) => Object.hasOwn(desc.field, name));
  return Object.assign({ ...(json as object) }, random.chance(0.8) ? Object.fromEntries(own) : {});
}

/** A refusal is an Error with words of ours; anything else was not foreseen. */
function said(what: string, read: () => unknown, refusal: RegExp): string {
  try {
    read();
    return `${what} read`;
  } catch (error) {
    if (error instanceof Error && error.constructor === Error && refusal.test(error.message)) {
      return `${what} refused`;
    }
    return `! ${error instanceof Error ? (error.stack ?? "") : String(error)}`;
  }
}
