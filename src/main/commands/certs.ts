import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { describeCertificate } from "../../auth/index.js";
import type { CertificateRole } from "../../auth/index.js";
import {
  AUTHORITY,
  certPath,
  ensureAuthority,
  findPair,
  issue,
  keyPath,
  writePair,
} from "../certificates.js";
import { print, UsageError } from "../command-line-parts.js";

interface CertsOptions {
  readonly dir: string;
  readonly clusterName: string;
}

interface IssueOptions extends CertsOptions {
  readonly role: string;
  readonly host: readonly string[];
}

const ROLES: readonly CertificateRole[] = [
  "node",
  "coordinator",
  "fanout",
  "operator",
  "auditor",
  "server",
];
const DIR_OPTION = ["--dir <dir>", "directory of the certificates"] as const;
const NAME_OPTION = [
  "--cluster-name <name>",
  "name of the cluster, as in every certificate",
] as const;

export function addCerts(program: Command): void {
  const certs = program.command("certs").description("make and show the certificates of a cluster");
  certs
    .command("init")
    .description("make an authority")
    .option(...DIR_OPTION, "certs")
    .option(...NAME_OPTION, "cabildo")
    .addHelpText("after", "\nExample:\n  cabildo certs init --dir certs")
    .action(initialise);
  certs
    .command("issue")
    .description("make a certificate for a process, an operator or the public doors")
    .argument("<name>", "such as node-1")
    .requiredOption("--role <role>", `${ROLES.join(", ")}; server is for the public doors`)
    .option("--host <host...>", "DNS names and IP addresses that it answers to", [])
    .option(...DIR_OPTION, "certs")
    .option(...NAME_OPTION, "cabildo")
    .addHelpText(
      "after",
      "\nExample:\n  cabildo certs issue node-1 --role node --host node-1.example.org 10.0.0.7",
    )
    .action(issueOne);
  certs
    .command("show")
    .description("say who a certificate is, for which hosts, and until when")
    .argument("<file>", "PEM file")
    .addHelpText("after", "\nExample:\n  cabildo certs show .cabildo/certs/node-1.pem")
    .action(show);
}

async function initialise({ dir, clusterName }: CertsOptions): Promise<void> {
  await ensureAuthority(dir, clusterName);
  print(`${certPath(dir, AUTHORITY)}\n${keyPath(dir, AUTHORITY)}`);
}

async function issueOne(name: string, options: IssueOptions): Promise<void> {
  const { dir, clusterName, role, host } = options;
  const known = ROLES.find((candidate) => candidate === role);
  if (known === undefined) {
    throw new UsageError(`there is no role ${role}: ${ROLES.join(", ")} are`);
  }
  const authority = await findPair(dir, AUTHORITY);
  if (authority === undefined) {
    throw new Error(`there is no authority in ${dir}: run \`cabildo certs init\` first`);
  }
  // Processes call each other by name, whatever the address.
  const hosts = ["server", "operator", "auditor"].includes(known) ? host : [name, ...host];
  await writePair(dir, name, await issue(authority, clusterName, { name, role: known, hosts }));
  print(`${certPath(dir, name)}\n${keyPath(dir, name)}`);
}

async function show(file: string): Promise<void> {
  const facts = describeCertificate(await readFile(file));
  print(`subject   ${facts.subject}`);
  print(`names     ${facts.names}`);
  print(`issuer    ${facts.issuer}`);
  print(`valid     ${dayOf(facts.notBeforeMs)} to ${dayOf(facts.expireMs)}`);
  print(`sha-256   ${facts.fingerprint}`);
}

const dayOf = (ms: number): string => new Date(ms).toISOString();
