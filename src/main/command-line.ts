import { ConnectError, Code } from "@connectrpc/connect";
import { Command, CommanderError } from "commander";
import { examples, say, UsageError } from "./command-line-parts.js";
import { isNodeError } from "./files.js";
import { VERSION } from "./version.js";

const FAILED = 1;
const MISUSED = 2;

type Load = () => Promise<(program: Command) => void>;

const backups: Load = async () => (await import("./commands/backup.js")).addBackup;

/** By its name, what loads a command: one starts in half the time where the others' modules stay unread. */
const COMMANDS: ReadonlyMap<string, Load> = new Map([
  ["up", async () => (await import("./commands/up.js")).addUp],
  ["node", async () => (await import("./commands/node.js")).addNode],
  ["coordinator", async () => (await import("./commands/coordinator.js")).addCoordinator],
  ["fanout", async () => (await import("./commands/fanout.js")).addFanout],
  ["certs", async () => (await import("./commands/certs.js")).addCerts],
  ["keys", async () => (await import("./commands/keys.js")).addKeys],
  ["audit", async () => (await import("./commands/audit.js")).addAudit],
  ["status", async () => (await import("./commands/status.js")).addStatus],
  ["shard", async () => (await import("./commands/shard.js")).addShard],
  ["replica", async () => (await import("./commands/replica.js")).addReplica],
  ["leader", async () => (await import("./commands/leader.js")).addLeader],
  ["route", async () => (await import("./commands/route.js")).addRoute],
  ["rollout", async () => (await import("./commands/rollout.js")).addRollout],
  ["backup", backups],
  ["verify", backups],
  ["restore", backups],
  ["swarm", async () => (await import("./commands/swarm.js")).addSwarm],
  ["login", async () => (await import("./commands/login.js")).addLogin],
  ["env", async () => (await import("./commands/env.js")).addEnv],
  ["watch", async () => (await import("./commands/watch.js")).addWatch],
  ["live", async () => (await import("./commands/live.js")).addLive],
  ["event", async () => (await import("./commands/event.js")).addEvent],
  ["user", async () => (await import("./commands/user.js")).addUser],
  ["group", async () => (await import("./commands/group.js")).addGroup],
]);

/** Runs a command; resolves to the exit code. Whatever fails is one line on stderr. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  try {
    const program = await createProgram(argv[2]);
    await program.parseAsync(argv);
    return 0;
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? 0 : MISUSED;
    say(`cabildo: ${describe(cause)}`);
    return cause instanceof UsageError ? MISUSED : FAILED;
  }
}

/** With the one command that is asked for, or with all of them, to list them. */
async function createProgram(asked: string | undefined): Promise<Command> {
  const program = new Command("cabildo")
    .description("A shared agenda that keeps working when machines die")
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError("(--help shows how, with an example)")
    .addHelpText("after", examples("up", "login ana --register", "status"));
  const named = COMMANDS.get(asked ?? "");
  const loaded = named === undefined ? new Set(COMMANDS.values()) : [named];
  for (const load of loaded) (await load())(program);
  return program;
}

function describe(cause: unknown): string {
  const ofFile = describeFileError(cause);
  if (ofFile !== undefined) return ofFile;
  const error = ConnectError.from(cause);
  if (!(cause instanceof ConnectError)) {
    return cause instanceof Error ? cause.message : error.rawMessage;
  }
  if (error.code === Code.Unavailable && isRefused(error.cause)) {
    return "nobody answers there: is the cluster up? (`make up` starts one)";
  }
  if (isUnknownCertificate(error.cause)) {
    return `the certificate there is not of the authority in --ca: ${error.rawMessage}`;
  }
  return `${error.rawMessage} (${Code[error.code]})`;
}

const FILE_ERRORS: ReadonlyMap<string | undefined, (path: string) => string> = new Map([
  ["ENOENT", (path) => `there is no ${path}`],
  ["EACCES", (path) => `${path} may not be read or written by you`],
  ["EPERM", (path) => `${path} may not be changed by you`],
  ["EROFS", (path) => `${path} is on a file system that is read only`],
  ["ENOSPC", (path) => `${path} cannot be written: the disk is full`],
  ["ENOTDIR", (path) => `${path} is not in a directory`],
  ["EISDIR", (path) => `${path} is a directory`],
]);

/** Undefined for another error. */
function describeFileError(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !isNodeError(cause) || cause.path === undefined)
    return undefined;
  return FILE_ERRORS.get(cause.code)?.(cause.path);
}

function isUnknownCertificate(cause: unknown): boolean {
  return (
    cause instanceof Error &&
    isNodeError(cause) &&
    /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT_)/u.test(cause.code ?? "")
  );
}

function isRefused(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}
