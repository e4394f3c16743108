import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getOption, hasOption } from "@bufbuild/protobuf";
import type { DescMethod } from "@bufbuild/protobuf";
import { Client, credentials, status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { expect } from "chai";
import {
  AuditService,
  ClusterService,
  RouteService,
} from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { RaftService } from "../../../gen/cabildo/raft/v1/raft_pb.js";
import { ShardService } from "../../../gen/cabildo/shard/v1/shard_pb.js";
import { Audience, authorization } from "../../../gen/cabildo/v1/options_pb.js";
import { Health } from "../../../gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { runCabildo } from "../../support/run-cabildo.js";
import type { UpCluster } from "../../support/up-cluster.js";

const SERVICES = [
  ...[RaftService, ShardService, ClusterService, AuditService, RouteService],
  ...[Health, ServerReflection, ServerReflectionAlpha],
];
const METHODS = SERVICES.flatMap((service): readonly DescMethod[] => service.methods);
/** By role, the certificate that is shown. */
const CERTIFICATES = {
  node: "node-2",
  coordinator: "coordinator-1",
  fanout: "fanout-1",
  operator: "operator",
  auditor: "auditor-1",
  server: "server",
} as const;
type Role = keyof typeof CERTIFICATES;
const ROLES = Object.keys(CERTIFICATES) as Role[];

/** Of calls that processes make of each other. */
const PROCESSES: Readonly<Record<string, readonly Role[]>> = {
  "raft.take-part": ["node"],
  "shard.execute": ["node", "coordinator", "fanout"],
  "shard.follow": ["coordinator", "fanout"],
  "shard.status": ["node", "coordinator", "fanout", "operator"],
  "cluster.change-members": ["node"],
};
/** Beside those whom the contract names: a node asks on behalf of an operator who came to the wrong one. */
const ALSO: Readonly<Record<string, readonly Role[]>> = { TransferLeader: ["node"] };

function mayCall(method: DescMethod): readonly Role[] {
  if (method.parent.typeName === Health.typeName) {
    return ["node", "coordinator", "fanout", "operator"];
  }
  if (!hasOption(method, authorization)) return ["operator"];
  const { audience, action } = getOption(method, authorization);
  if (audience === Audience.PROCESS) return PROCESSES[action] ?? [];
  const auditor: readonly Role[] = audience === Audience.AUDITOR ? ["auditor"] : [];
  return ["operator", ...auditor, ...(ALSO[method.name] ?? [])];
}

export function rightsInside(running: () => UpCluster): void {
  describe("the port of a node", function () {
    this.timeout(60_000);
    let cluster: UpCluster;
    let certs: string;
    const clients = new Map<Role, Client>();

    before(async () => {
      cluster = running();
      certs = join(cluster.ready.dataDir, "certs");
      const { auditor } = CERTIFICATES;
      const issued = await runCabildo("certs", "issue", auditor, "--role=auditor", "--dir", certs);
      expect(issued.code, issued.err).to.equal(0);
      const address = cluster.ready.nodes[0]?.address ?? "";
      for (const role of ROLES) {
        const file = (end: string): Buffer =>
          readFileSync(join(certs, `${CERTIFICATES[role]}${end}`));
        const tls = credentials.createSsl(
          Buffer.from(cluster.ca),
          ...([file("-key.pem"), file(".pem")] as const),
        );
        const options = { "grpc.ssl_target_name_override": "node-1" };
        clients.set(role, new Client(address, tls, options));
      }
    });
    after(() => {
      for (const client of clients.values()) client.close();
    });

    /** What a call is answered that is no message, which is looked at last: nothing is ever done. */
    function answerTo(role: Role, method: DescMethod): Promise<ServiceError> {
      const client = clients.get(role);
      if (client === undefined) throw new Error(`no client of role ${role}`);
      const call = client.makeBidiStreamRequest(
        `/${method.parent.typeName}/${method.name}`,
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
      );
      call.end(Buffer.from([0xff, 0xff, 0xff]));
      call.resume();
      return new Promise((resolve, reject) => {
        call.on("error", resolve);
        call.on("end", () => reject(new Error(`${method.name} was done`)));
      });
    }

    it("lets each role call what the contracts say, and nothing else", async () => {
      for (const method of METHODS) {
        for (const role of ROLES) {
          const { code, details } = await answerTo(role, method);
          const which = `${method.parent.typeName}/${method.name} by ${role}: ${details}`;
          if (mayCall(method).includes(role)) expect(code, which).to.equal(status.INVALID_ARGUMENT);
          else if (role === "server") expect(code, which).to.equal(status.UNAUTHENTICATED);
          else expect(code, which).to.equal(status.PERMISSION_DENIED);
        }
      }
      expect(METHODS).to.have.length.at.least(30);
    });
  });
}
