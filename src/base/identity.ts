/** What a process of the cluster may be, as its certificate says. */
export type IdentityRole = "node" | "coordinator" | "fanout" | "operator" | "auditor";

/** Who holds a certificate: the URI `cabildo://<cluster>/<role>/<name>` among its alternative names. */
export interface Identity {
  readonly cluster: string;
  readonly role: IdentityRole;
  readonly name: string;
}

const ROLES: readonly IdentityRole[] = ["node", "coordinator", "fanout", "operator", "auditor"];
const LABEL = "[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?";
const URI = new RegExp(`^URI:cabildo://(${LABEL})/(${ROLES.join("|")})/(${LABEL})$`);

/**
 * Reads the identity from a certificate's `subjectaltname` as node:tls gives it. Undefined unless there is exactly one URI
 * and it is one of ours. Node quotes a name that holds a comma or a quote, so that
 * such a name cannot pose as two (CVE-2021-44532): we have no such names and refuse them all.
 */
export function parseIdentity(subjectaltname: string): Identity | undefined {
  if (subjectaltname.includes('"')) return undefined;
  const uris = subjectaltname.split(", ").filter((name) => name.startsWith("URI:"));
  const [uri] = uris;
  if (uri === undefined || uris.length !== 1) return undefined;
  const [, cluster, role, name] = URI.exec(uri) ?? [];
  if (cluster === undefined || name === undefined || !isIdentityRole(role)) return undefined;
  return { cluster, role, name };
}

function isIdentityRole(role: string | undefined): role is IdentityRole {
  return ROLES.some((known) => known === role);
}
