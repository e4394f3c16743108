import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { toJsonString } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import { AuditEntrySchema } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import type { AuditCheckpoint, AuditEntry } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { formatTrails, parseTrails } from "../audit/trail-file.js";
import { verifyTrails } from "../audit/verify-trail.js";
import type { Trails, TrailVerdict } from "../audit/verify-trail.js";
import { Operator } from "../client/operator.js";
import { findClusterFile } from "../cluster-file.js";
import {
  DATA_DIR,
  DATA_OPTION,
  JSON_OPTION,
  OUTPUT_OPTION,
  examples,
  print,
} from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { CLUSTER_FILE } from "../data-dir.js";
import { requireLocalCluster } from "../ready-file.js";
import { formatTable } from "../table.js";

interface DataOptions {
  readonly data: string;
}

interface OutputOptions extends DataOptions {
  readonly output: Output;
}

interface ListOptions extends OutputOptions {
  readonly shard?: string;
  readonly subject: string;
  readonly action: string;
  readonly object: string;
  readonly decision: string;
}

const NO_FILTER = { subject: "", action: "", object: "", decision: "" } as const;
const PAGE_SIZE = 500;

export function addAudit(program: Command): void {
  const audit = program
    .command("audit")
    .description("read and verify the trail of critical operations")
    .addHelpText("after", examples("audit list --subject users/ana", "audit verify"));
  audit
    .command("list")
    .description("show who did what, oldest first")
    .option("--shard <name>", "of one shard alone")
    .option("--subject <name>", "such as users/ana", "")
    .option("--action <name>", "such as user.disable", "")
    .option("--object <name>", "whose name begins so", "")
    .option("--decision <word>", "allow, or the code of a refusal", "")
    .addOption(OUTPUT_OPTION)
    .addOption(JSON_OPTION)
    .option(...DATA_OPTION, DATA_DIR)
    .addHelpText(
      "after",
      "\nJSON is one entry a line.\n\nExample:\n  cabildo audit list --subject users/ana",
    )
    .action(list);
  audit
    .command("export")
    .description("write all trails with their signatures to stdout, to be kept elsewhere")
    .option(...DATA_OPTION, DATA_DIR)
    .addHelpText("after", examples("audit export > audit.jsonl"))
    .action(exportAll);
  audit
    .command("verify")
    .description("check that nothing in the trails was changed or taken out")
    .argument("[file...]", "exports, and files of checkpoints, instead of the running cluster")
    .addOption(OUTPUT_OPTION)
    .addOption(JSON_OPTION)
    .option(...DATA_OPTION, DATA_DIR)
    .addHelpText("after", examples("audit verify audit.jsonl"))
    .action(verify);
}

async function list({ data, shard, output, ...filter }: ListOptions): Promise<void> {
  const operator = await Operator.open(await requireLocalCluster(data));
  const names = shard === undefined ? await shardNames(operator) : [shard];
  const entries: AuditEntry[] = [];
  for (const name of names) entries.push(...(await entriesOf(operator, name, filter)));
  if (output === "json") {
    for (const entry of entries) print(toJsonString(AuditEntrySchema, entry));
    return;
  }
  if (entries.length === 0) {
    print("no entries");
    return;
  }
  const head = ["shard", "#", "time", "who", "what", "to what", "decision", "from", "detail"];
  print(formatTable(head, entries.map(rowOf)));
}

function rowOf(entry: AuditEntry): string[] {
  const { shard, number, time, subject, action, object, decision, origin, detail, count } = entry;
  const times = count > 1 ? ` (${count} times)` : "";
  return [
    shard,
    String(number),
    time === undefined ? "" : timestampDate(time).toISOString(),
    subject,
    action,
    object,
    `${decision}${times}`,
    origin,
    detail,
  ];
}

async function exportAll({ data }: DataOptions): Promise<void> {
  for (const line of formatTrails(await readLive(data))) print(line);
}

async function verify(files: readonly string[], { data, output }: OutputOptions): Promise<void> {
  const trails =
    files.length === 0
      ? await readLive(data)
      : parseTrails(await Promise.all(files.map((file) => readFile(file, "utf8"))));
  const verdicts = verifyTrails(trails);
  if (verdicts.length === 0) throw new Error(`there is no trail in ${files.join(", ")}`);
  if (output === "json") print(JSON.stringify(verdicts));
  else for (const verdict of verdicts) print(sentenceOf(verdict));
  const bad = verdicts.filter(({ fault }) => fault !== undefined);
  if (bad.length > 0)
    throw new Error(`the trail of ${bad.map(({ shard }) => shard).join(", ")} is not whole`);
}

function sentenceOf({ shard, entries, signedTo, fault }: TrailVerdict): string {
  if (fault !== undefined) return `${shard}: entry ${fault.number}: ${fault.message}`;
  return `${shard}: ${entries} entries, whole, signed up to entry ${signedTo}`;
}

async function readLive(data: string): Promise<Trails> {
  const operator = await Operator.open(await requireLocalCluster(data));
  const entries = new Map<string, readonly AuditEntry[]>();
  const checkpoints = new Map<string, readonly AuditCheckpoint[]>();
  const keys = new Map<string, Uint8Array>();
  let clusterId = "";
  const restoredFrom = (await findClusterFile(join(data, CLUSTER_FILE)))?.restoredFrom ?? [];
  for (const shard of await shardNames(operator)) {
    // Signatures first: what is signed meanwhile would be of entries that were not read.
    const signed: AuditCheckpoint[] = [];
    for (let pageToken = ""; ;) {
      const page = await operator.audit((client) =>
        client.listAuditCheckpoints({ shard, pageToken, pageSize: PAGE_SIZE }),
      );
      signed.push(...page.checkpoints);
      clusterId = page.clusterId;
      for (const { keyId, publicKey } of page.keys) keys.set(keyId, publicKey);
      if (page.nextPageToken === "") break;
      pageToken = page.nextPageToken;
    }
    checkpoints.set(shard, signed);
    entries.set(shard, await entriesOf(operator, shard, NO_FILTER));
  }
  return { clusterId, restoredFrom, keys, entries, checkpoints };
}

async function entriesOf(
  operator: Operator,
  shard: string,
  filter: typeof NO_FILTER | Omit<ListOptions, "data" | "shard" | "output">,
): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (let pageToken = ""; ;) {
    const page = await operator.audit((client) =>
      client.listAuditEntries({ ...filter, shard, pageToken, pageSize: PAGE_SIZE }),
    );
    entries.push(...page.entries);
    if (page.nextPageToken === "") return entries;
    pageToken = page.nextPageToken;
  }
}

async function shardNames(operator: Operator): Promise<readonly string[]> {
  return (await operator.status()).shards.map(({ name }) => name);
}
