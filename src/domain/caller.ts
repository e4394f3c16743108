export type ClusterRole = "admin" | "operator" | "auditor";

/** On whose behalf a command or query runs. Made by the gateway from a verified token, believed by a shard because of the
 * certificate of the process that says it. */
export type Caller =
  | { readonly kind: "anonymous" }
  | {
      readonly kind: "user";
      readonly user: string;
      readonly sessionId: string;
      readonly roles: readonly ClusterRole[];
    }
  /** The cluster itself: sweeps, keys, formation. */
  | { readonly kind: "system" };
