import { ConnectError, Code } from "@connectrpc/connect";
import { Command, CommanderError } from "commander";
import { addAudit } from "./commands/audit.js";
import { addBackup } from "./commands/backup.js";
import { addCerts } from "./commands/certs.js";
import { addCoordinator } from "./commands/coordinator.js";
import { addEnv } from "./commands/env.js";
import { addEvent } from "./commands/event.js";
import { addGroup } from "./commands/group.js";
import { addFanout } from "./commands/fanout.js";
import { addKeys } from "./commands/keys.js";
import { addLogin } from "./commands/login.js";
import { addLeader } from "./commands/leader.js";
import { addNode } from "./commands/node.js";
import { addReplica } from "./commands/replica.js";
import { addRollout } from "./commands/rollout.js";
import { addRoute } from "./commands/route.js";
import { addShard } from "./commands/shard.js";
import { addStatus } from "./commands/status.js";
import { addUser } from "./commands/user.js";
import { addUp } from "./commands/up.js";
import { addWatch } from "./commands/watch.js";
import { say, UsageError } from "./command-line-parts.js";
import { VERSION } from "./version.js";

const FAILED = 1;
const MISUSED = 2;

/** Runs a command; resolves to the exit code. Whatever fails is one line on stderr. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv);
    return 0;
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? 0 : MISUSED;
    say(`cabildo: ${describe(cause)}`);
    return cause instanceof UsageError ? MISUSED : FAILED;
  }
}

function createProgram(): Command {
  const program = new Command("cabildo")
    .description("A shared agenda that keeps working when machines die")
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError("(--help shows how, with an example)")
    .addHelpText("after", "\nExample:\n  cabildo up");
  const add = [
    ...[addUp, addNode, addCoordinator, addFanout, addCerts, addKeys, addAudit],
    ...[addStatus, addShard, addReplica, addLeader, addRoute, addRollout, addBackup],
    ...[addLogin, addEnv, addWatch, addEvent, addUser, addGroup],
  ];
  for (const addTo of add) addTo(program);
  return program;
}

function describe(cause: unknown): string {
  const error = ConnectError.from(cause);
  if (!(cause instanceof ConnectError)) {
    return cause instanceof Error ? cause.message : error.rawMessage;
  }
  if (error.code === Code.Unavailable && isRefused(error.cause)) {
    return "nobody answers there: is the cluster up? (`make up` starts one)";
  }
  return `${error.rawMessage} (${Code[error.code]})`;
}

function isRefused(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}
