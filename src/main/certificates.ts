import { X509Certificate } from "node:crypto";

/** When a certificate in PEM ends, in milliseconds since 1970 UTC. */
export function certificateExpiryMs(pem: Uint8Array): number {
  return Date.parse(new X509Certificate(pem).validTo);
}
