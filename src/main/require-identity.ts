import { parseIdentity, type Identity } from "../base/index.js";

/**
 * Refuses a certificate that is another's. Who starts with it would be refused by all others, each time that it asks them, and
 * might say nevertheless that it is ready.
 */
export function requireIdentity(names: string, { cluster, role, name }: Identity): void {
  const found = parseIdentity(names);
  if (found?.cluster === cluster && found.role === role && found.name === name) return;
  const whose =
    found === undefined
      ? "of nobody in a cluster"
      : `of ${found.role} ${found.name} of ${found.cluster}`;
  throw new Error(
    `the certificate is that ${whose}, and not of ${role} ${name} of ${cluster}: ` +
      `\`cabildo certs issue ${name} --role ${role}\` makes one`,
  );
}
