import { Counter } from "prom-client";
import type { Registry } from "prom-client";
import type { CallObserver } from "../base/index.js";

const SERVICE = "cabildo.v1.AuthService";
const METHOD = "Login";

/** What the codes of a login mean; any other is a failure of the cluster. */
const RESULTS: Readonly<Record<string, string>> = {
  OK: "ok",
  Unauthenticated: "refused",
  PermissionDenied: "refused",
  InvalidArgument: "refused",
  ResourceExhausted: "throttled",
};

/** Counts logins beside everything else that a door counts. */
export function countLogins(registry: Registry, metrics: CallObserver): CallObserver {
  const logins = new Counter({
    name: "cabildo_auth_logins_total",
    help: "Logins with a password: ok, refused, throttled, or failed where the cluster could not tell.",
    labelNames: ["result"],
    registers: [registry],
  });
  for (const result of ["ok", "refused", "throttled", "failed"]) logins.inc({ result }, 0);
  return {
    started: (call) => {
      const counted = metrics.started(call);
      if (call.service !== SERVICE || call.method !== METHOD) return counted;
      return {
        ...counted,
        ended: (code) => {
          counted.ended(code);
          logins.inc({ result: RESULTS[code] ?? "failed" });
        },
      };
    },
  };
}
