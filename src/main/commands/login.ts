import { copyFile, mkdir, readFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { dirname } from "node:path";
import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { connectAnonymously } from "../client/api.js";
import { besideContext, contextPath, writeContext } from "../client/context-file.js";
import { askHidden, readAll } from "../client/prompt.js";
import { tokensOf } from "../client/session.js";
import { requireTimeZone, systemTimeZone } from "../client/zoned-time.js";
import { DATA_DIR, DATA_OPTION, examples, say, UsageError } from "../command-line-parts.js";
import { findLocalCluster, noLocalCluster } from "../ready-file.js";

interface LoginOptions {
  readonly register?: string | true;
  readonly passwordStdin?: true;
  readonly adminCredential?: string;
  readonly resetCode?: string;
  readonly displayName?: string;
  readonly email?: string;
  readonly timeZone?: string;
  readonly api?: string;
  readonly wss?: string;
  readonly ca?: string;
  readonly data: string;
}

export function addLogin(program: Command): void {
  program
    .command("login")
    .description(
      "open a session, as a new user with --register, and keep it for the other commands",
    )
    .argument("[user]", "id of the user; your name on this machine if left out")
    .option("--register [user]", "create the user first")
    .option("--password-stdin", "read the password from the first line of standard input")
    .option("--admin-credential <file>", "become the first administrator of a new cluster")
    .option(
      "--reset-code <file>",
      "set a new password by the code in the file, which an operator gave",
    )
    .option("--display-name <name>", "of a new user")
    .option("--email <address>", "of a new user")
    .option(
      "--time-zone <zone>",
      "of a new user, such as Europe/Madrid; this machine's if left out",
    )
    .option("--api <url>", "base URL of the API; from the cluster in --data if left out")
    .option("--wss <url>", "URL of the live channels")
    .option("--ca <file>", "PEM file of the authority that signed the cluster's certificates")
    .option(...DATA_OPTION, DATA_DIR)
    .addHelpText("after", examples("login ana --register"))
    .action(login);
}

async function login(argument: string | undefined, options: LoginOptions): Promise<void> {
  const named = typeof options.register === "string" ? options.register : argument;
  const userId = named ?? userInfo().username;
  const target = await findTarget(options);
  const password =
    options.passwordStdin === true
      ? ((await readAll(process.stdin)).split("\n")[0] ?? "")
      : await askPassword(
          userId,
          options.register !== undefined || options.resetCode !== undefined,
        );
  const auth = await connectAnonymously(target);
  if (options.register !== undefined) {
    await auth.register({
      userId,
      password,
      displayName: options.displayName ?? "",
      email: options.email ?? "",
      timeZone: requireTimeZone(options.timeZone ?? systemTimeZone()),
      bootstrapCredential: await readCredential(options.adminCredential),
      requestId: randomUUID(),
    });
  }
  if (options.resetCode !== undefined) {
    await auth.resetPassword({
      userId,
      resetCode: await readCredential(options.resetCode),
      newPassword: password,
      requestId: randomUUID(),
    });
  }
  const client = `cabildo on ${hostname()}`;
  const response = await auth.login({ userId, password, client });

  const path = contextPath();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const ca = besideContext(path, "ca.pem");
  await copyFile(target.ca, ca);
  const timeZone = response.user?.timeZone ?? "";
  await writeContext(path, {
    api: target.api,
    wss: target.wss,
    ca,
    user: userId,
    timeZone: timeZone === "" ? "UTC" : timeZone,
    ...tokensOf(response),
  });
  say(`logged in as ${userId} at ${target.api}`);
}

interface Target {
  readonly api: string;
  readonly wss: string;
  readonly ca: string;
}

async function findTarget({ api, wss, ca, data }: LoginOptions): Promise<Target> {
  if (api !== undefined && !URL.canParse(api)) {
    throw new UsageError(`--api ${api} is no URL: write for example https://agenda.example:7443`);
  }
  if (api !== undefined && ca !== undefined) return { api, wss: wss ?? guessLive(api), ca };
  const local = await findLocalCluster(data);
  if (local === undefined && api !== undefined) {
    throw new UsageError("--api needs --ca beside it: the authority's file, as certs/ca.pem");
  }
  if (local === undefined) throw noLocalCluster(data);
  return { api: api ?? local.api, wss: wss ?? local.wss, ca: ca ?? local.ca };
}

/** The fan-out is beside the API unless somebody says otherwise. */
function guessLive(api: string): string {
  const { hostname: host, port } = new URL(api);
  return `wss://${host}:${port === "" ? 7444 : Number(port) + 1}`;
}

async function askPassword(userId: string, twice: boolean): Promise<string> {
  const password = await askHidden(`Password of ${userId}: `);
  if (twice && (await askHidden("The same again: ")) !== password) {
    throw new Error("the two passwords are not the same");
  }
  return password;
}

async function readCredential(path: string | undefined): Promise<string> {
  return path === undefined ? "" : (await readFile(path, "utf8")).trim();
}
