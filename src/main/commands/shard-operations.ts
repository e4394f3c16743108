import { ConnectError } from "@connectrpc/connect";
import Table from "cli-table3";
import type { Command } from "commander";
import { Operator, requireAddress, requireShard } from "../client/operator.js";
import { DATA_DIR, DATA_OPTION, parseWhole, print } from "../command-line-parts.js";
import { requireLocalCluster } from "../ready-file.js";

interface CommonOptions {
  readonly data: string;
  readonly json?: true;
}

interface TransferOptions extends CommonOptions {
  readonly to?: string;
}

interface CompactOptions extends CommonOptions {
  readonly node?: string;
}

interface HashOptions extends CommonOptions {
  readonly index: number;
}

export function addShardOperations(program: Command): void {
  const add = (name: string, description: string, example: string): Command =>
    program
      .command(name)
      .description(description)
      .argument("<shard>")
      .option("--json", "as JSON")
      .option(...DATA_OPTION, DATA_DIR)
      .addHelpText("after", `\nExample:\n  cabildo ${name} ${example}`);
  add("transfer", "hand a shard's leadership to another node", "groups --to node-2")
    .option("--to <node>", "who is to lead; whoever has most of the log if not given")
    .action(transfer);
  add("compact", "drop the log of a shard up to what is applied", "groups --node node-2")
    .option("--node <node>", "on this node alone; on all if not given")
    .action(compact);
  add("hash", "compare the state of a shard's replicas at one entry", "groups")
    .option(
      "--index <n>",
      "of a late entry; the last that all can know if not given",
      parseWhole,
      0,
    )
    .action(hash);
}

async function transfer(shard: string, { data, json, to }: TransferOptions): Promise<void> {
  const operator = await open(data);
  const { leader } = await operator.atLeader(shard, (at) =>
    at.transferLeader({ shard, toNode: to ?? "" }),
  );
  print(json === true ? JSON.stringify({ shard, leader }) : `${leader} leads ${shard}`);
}

async function compact(shard: string, { data, json, node }: CompactOptions): Promise<void> {
  const operator = await open(data);
  const nodes = node === undefined ? await holders(operator, shard) : [node];
  const rows = [];
  for (const name of nodes) {
    const { firstIndex } = await (await operator.atNode(name)).compactLog({ shard });
    rows.push({ node: name, firstIndex: String(firstIndex) });
  }
  if (json === true) print(JSON.stringify({ shard, nodes: rows }));
  else
    for (const row of rows) print(`${row.node}: the log of ${shard} begins at ${row.firstIndex}`);
}

/** Exits with a failure where replicas differ. */
async function hash(shard: string, { data, json, index }: HashOptions): Promise<void> {
  const operator = await open(data);
  const at =
    index > 0
      ? BigInt(index)
      : (await operator.atLeader(shard, (leader) => leader.getStateHash({ shard }))).index;
  const status = await operator.status();
  const { replicas } = requireShard(status, shard);
  const rows = await Promise.all(
    replicas.map(async ({ node }) => {
      const client = operator.at(requireAddress(status, node));
      const answer = client.getStateHash({ shard, index: at });
      return answer.then(
        ({ hash: found }) => ({ node, hash: found, trouble: "" }),
        (cause: unknown) => ({ node, hash: "", trouble: ConnectError.from(cause).rawMessage }),
      );
    }),
  );
  const found = rows.flatMap((row) => (row.trouble === "" ? [row.hash] : []));
  const equal = new Set(found).size <= 1;
  if (json === true) {
    print(JSON.stringify({ shard, index: String(at), equal, nodes: rows }));
  } else {
    const style = { head: [], border: [], compact: true };
    const table = new Table({ head: ["node", `hash after entry ${at} of ${shard}`], style });
    for (const row of rows) table.push([row.node, row.hash || `no answer: ${row.trouble}`]);
    print(table.toString());
  }
  if (!equal) {
    throw new Error(
      `the replicas of ${shard} differ after entry ${at}: keep their directories, and replace the one that is alone`,
    );
  }
}

async function holders(operator: Operator, shard: string): Promise<readonly string[]> {
  return requireShard(await operator.status(), shard).replicas.map(({ node }) => node);
}

async function open(data: string): Promise<Operator> {
  return Operator.open(await requireLocalCluster(data));
}
