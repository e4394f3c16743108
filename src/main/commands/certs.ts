import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { CERTIFICATE_ROLES as ROLES, describeCertificate } from "../../auth/index.js";
import {
  AUTHORITY,
  certPath,
  ensureAuthority,
  findPair,
  issue,
  keyPath,
  noAuthority,
  reissueCertificates,
  RENEW_BEFORE_MS,
  writePair,
} from "../certificates.js";
import { askYesOrNo } from "../client/prompt.js";
import { OUTPUT_OPTION, examples, print, UsageError } from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { changeTrust, DEBIAN_STORE } from "../trust-store.js";

interface DirOptions {
  readonly dir: string;
  readonly output: Output;
}

interface CertsOptions extends DirOptions {
  readonly clusterName: string;
}

interface IssueOptions extends CertsOptions {
  readonly role: string;
  readonly host: readonly string[];
}

interface TrustOptions extends DirOptions {
  readonly remove?: true;
  readonly yes?: true;
}

const DIR_OPTION = ["--dir <dir>", "directory of the certificates"] as const;
/** It is a file's name, and stands in a URI. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/u;
const NAME_OPTION = [
  "--cluster-name <name>",
  "name of the cluster, as in every certificate",
] as const;

export function addCerts(program: Command): void {
  const certs = program
    .command("certs")
    .description("make and show the certificates of a cluster")
    .addHelpText(
      "after",
      examples("certs show .cabildo/certs/node-1.pem", "certs renew --dir .cabildo/certs"),
    );
  certs
    .command("init")
    .description("make an authority")
    .option(...DIR_OPTION, "certs")
    .addOption(OUTPUT_OPTION)
    .option(...NAME_OPTION, "cabildo")
    .addHelpText("after", examples("certs init --dir certs"))
    .action(initialise);
  certs
    .command("issue")
    .description("make a certificate for a process, an operator or the public doors")
    .argument("<name>", "such as node-1")
    .requiredOption("--role <role>", `${ROLES.join(", ")}; server is for the public doors`)
    .option("--host <host...>", "DNS names and IP addresses that it answers to", [])
    .option(...DIR_OPTION, "certs")
    .addOption(OUTPUT_OPTION)
    .option(...NAME_OPTION, "cabildo")
    .addHelpText(
      "after",
      examples("certs issue node-1 --role node --host node-1.example.org 10.0.0.7"),
    )
    .action(issueOne);
  certs
    .command("renew")
    .description(
      "make certificates anew, for the same names and hosts: those named, or those that end within 30 days. " +
        "Processes that run take them within ten seconds",
    )
    .argument("[names...]", "such as node-1 or server")
    .option("--all", "every certificate of the directory")
    .option(...DIR_OPTION, "certs")
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", examples("certs renew --dir .cabildo/certs"))
    .action(renew);
  certs
    .command("trust")
    .description("make this machine believe the authority (Debian and its kin; asks first)")
    .option("--remove", "believe it no longer")
    .option("--yes", "without asking")
    .option(...DIR_OPTION, "certs")
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", "\nExample:\n  sudo cabildo certs trust --dir .cabildo/certs")
    .action(trust);
  certs
    .command("show")
    .description("say who a certificate is, for which hosts, and until when")
    .argument("<file>", "PEM file")
    .addOption(OUTPUT_OPTION)
    .addHelpText("after", examples("certs show .cabildo/certs/node-1.pem"))
    .action(show);
}

async function initialise(options: CertsOptions): Promise<void> {
  await ensureAuthority(options.dir, options.clusterName);
  showPair(AUTHORITY, options);
}

function showPair(name: string, { dir, output }: DirOptions): void {
  const certificate = certPath(dir, name);
  const key = keyPath(dir, name);
  print(output === "json" ? JSON.stringify({ certificate, key }) : `${certificate}\n${key}`);
}

async function issueOne(name: string, options: IssueOptions): Promise<void> {
  const { dir, clusterName, role, host } = options;
  if (!NAME.test(name) || name === AUTHORITY) {
    throw new UsageError(
      `no process can be called ${name}: use letters, digits and hyphens, and not ${AUTHORITY}`,
    );
  }
  const known = ROLES.find((candidate) => candidate === role);
  if (known === undefined) {
    throw new UsageError(`there is no role ${role}: ${ROLES.join(", ")} are`);
  }
  const authority = await findPair(dir, AUTHORITY);
  if (authority === undefined) {
    throw new Error(noAuthority(dir));
  }
  // Processes call each other by name, whatever the address.
  const hosts = ["server", "operator", "auditor"].includes(known) ? host : [name, ...host];
  await writePair(dir, name, await issue(authority, clusterName, { name, role: known, hosts }));
  showPair(name, options);
}

async function renew(
  names: readonly string[],
  { dir, output, all }: DirOptions & { readonly all?: true },
): Promise<void> {
  const soonMs = Date.now() + RENEW_BEFORE_MS;
  const renewed = await reissueCertificates(dir, (name, expireMs) =>
    names.length > 0 ? names.includes(name) : all === true || expireMs < soonMs,
  );
  const missing = names.filter((name) => !renewed.includes(name));
  const certificates = renewed.map((name) => certPath(dir, name));
  if (output === "json") print(JSON.stringify({ certificates }));
  else for (const path of certificates) print(path);
  if (missing.length > 0) throw new Error(`${dir} has no certificate of ${missing.join(", ")}`);
  if (renewed.length === 0 && output === "table") {
    print("none ends within 30 days: --all renews every one");
  }
}

async function trust({ dir, output, remove, yes }: TrustOptions): Promise<void> {
  const outcome = await changeTrust(DEBIAN_STORE, {
    kind: remove === true ? "remove" : "add",
    authorities: await readFile(certPath(dir, AUTHORITY), "utf8"),
    ask: yes === true ? () => Promise.resolve(true) : askYesOrNo,
  });
  print(output === "json" ? JSON.stringify({ outcome }) : outcome);
}

async function show(file: string, { output }: { readonly output: Output }): Promise<void> {
  const facts = describe(file, await readFile(file));
  if (output === "json") {
    print(JSON.stringify(facts, null, 2));
    return;
  }
  print(`subject   ${facts.subject}`);
  print(`names     ${facts.names}`);
  print(`issuer    ${facts.issuer}`);
  print(`valid     ${dayOf(facts.notBeforeMs)} to ${dayOf(facts.expireMs)}`);
  print(`sha-256   ${facts.fingerprint}`);
}

const dayOf = (ms: number): string => new Date(ms).toISOString();

function describe(file: string, bytes: Buffer): ReturnType<typeof describeCertificate> {
  try {
    return describeCertificate(bytes);
  } catch (cause) {
    throw new Error(`${file} holds no certificate in PEM form`, { cause });
  }
}
