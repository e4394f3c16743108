import { toBinary } from "@bufbuild/protobuf";
import type { DescMethod } from "@bufbuild/protobuf";
import {
  AuditService,
  ClusterService,
  RouteService,
} from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { Health } from "../../../gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../../../gen/grpc/reflection/v1/reflection_pb.js";
import type { SeededRandom } from "../../raft/seeded-random.js";
import { enveloped } from "../http2-client.js";
import { innerCodeOf, InnerNode } from "../inner-node.js";
import { anyMessage } from "../messages.js";
import type { Vocabulary } from "../messages.js";
import { changeBytes } from "../nonsense.js";
import type { Target } from "../target.js";
import { flags, oddHeaders } from "./public.js";

const METHODS: readonly DescMethod[] = [
  ClusterService,
  AuditService,
  RouteService,
  Health,
  ServerReflection,
].flatMap(({ methods }) => [...methods]);

const NAMES = ["users", "groups", "system", "events-am", "events-nz"];
const words: Vocabulary = (field) => {
  if (/shard/u.test(field)) return NAMES;
  if (/node/u.test(field)) return ["node-1", "node-2", ""];
  if (/address/u.test(field)) return ["127.0.0.1:1", "", "[::1]:7453"];
  if (/token/u.test(field)) return [""];
  return [...NAMES, "users/ana", "calendars/ana", "groups/choir", "ana", "node-1"];
};

/** What operators call on a node: the real one, which leads all shards alone. */
export async function openAdmin(): Promise<Target> {
  const node = await InnerNode.open({ role: "operator", name: "operator" });
  return {
    run: async (random) => {
      const method = random.pick(METHODS);
      if (method === undefined) throw new Error("no methods");
      return innerCodeOf(await call(node, method, random));
    },
    faults: () => node.faults(),
    close: () => node.close(),
  };
}

function call(node: InnerNode, method: DescMethod, random: SeededRandom) {
  const path = `/${method.parent.typeName}/${method.name}`;
  const message = toBinary(method.input, anyMessage(method.input, random, words));
  const body = enveloped(
    flags(random),
    random.chance(0.1) ? changeBytes(random, message) : message,
  );
  const whole = random.chance(0.05) ? changeBytes(random, body) : body;
  return node.send(path, oddHeaders(random), whole, method.methodKind !== "unary");
}
