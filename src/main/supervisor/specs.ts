import { join } from "node:path";
import type { ClusterPlan, PlannedDoor } from "../cluster-plan.js";
import { CERTIFICATES_DIR, CLUSTER_FILE } from "../data-dir.js";
import type { ChildKind, ChildSpec } from "./child.js";

export interface SpecOptions {
  readonly dataDir: string;
  readonly host: string;
  readonly logLevel: string;
  /** Sites whose pages may call the doors. */
  readonly corsOrigin: readonly string[];
  /** Further flags of every node. */
  readonly nodeFlag: readonly string[];
  /** Further flags of every coordinator. */
  readonly coordinatorFlag: readonly string[];
  /** Further flags of every fan-out. */
  readonly fanoutFlag: readonly string[];
}

/**
 * No child makes code out of text, or lets `__proto__` of a message from outside reach a prototype.
 */
const HARDENED = ["--disallow-code-generation-from-strings", "--disable-proto=throw"];

/** fsync and reads of the disk share libuv's pool with password hashing: 4 threads would be too few. */
const THREAD_POOL_SIZE = "16";

/** How each process of a planned cluster is started. */
export function specsOf(plan: ClusterPlan, options: SpecOptions): readonly ChildSpec[] {
  const { dataDir, host, logLevel, corsOrigin, nodeFlag, coordinatorFlag, fanoutFlag } = options;
  const common = [
    ...["--cluster", join(dataDir, CLUSTER_FILE), "--certs", join(dataDir, CERTIFICATES_DIR)],
    ...["--log-level", logLevel],
  ];
  const spec = (kind: ChildKind, name: string, own: readonly string[]): ChildSpec => ({
    name,
    kind,
    command: process.execPath,
    args: [
      ...process.execArgv,
      ...HARDENED,
      process.argv[1] ?? "",
      kind,
      ...["--name", name, ...common, ...own],
    ],
    env: { ...process.env, UV_THREADPOOL_SIZE: THREAD_POOL_SIZE },
  });
  const door = (kind: ChildKind) => (planned: PlannedDoor) =>
    spec(kind, planned.name, [
      ...["--host", host, "--port", String(planned.port)],
      ...["--metrics-port", String(planned.metricsPort)],
      ...corsOrigin.flatMap((origin) => ["--cors-origin", origin]),
      ...(kind === "coordinator" ? coordinatorFlag : fanoutFlag),
    ]);
  return [
    ...plan.cluster.nodes.map(({ name }) =>
      spec("node", name, ["--data", join(dataDir, name), ...nodeFlag]),
    ),
    ...plan.coordinators.map(door("coordinator")),
    ...plan.fanouts.map(door("fanout")),
  ];
}
