import { Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** Says until when the certificates of a process are good, so that an alert can come before the outage. */
export function observeCertificates(
  registry: Registry,
  expiryMs: () => Readonly<Record<string, number>>,
): void {
  const gauge: Gauge<"certificate"> = new Gauge({
    name: "cabildo_certificate_expiry_timestamp_seconds",
    help: "When a certificate of this process expires, in seconds since 1970 UTC.",
    labelNames: ["certificate"],
    registers: [registry],
    collect: () => {
      for (const [certificate, atMs] of Object.entries(expiryMs())) {
        gauge.set({ certificate }, atMs / 1000);
      }
    },
  });
}
