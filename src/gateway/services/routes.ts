import { RouteService } from "../../../gen/cabildo/admin/v1/admin_pb.js";
import { toUint64 } from "../../wire/index.js";
import { unary } from "../handlers.js";
import type { Handler } from "../handlers.js";

/** For operators among the users: where a thing is, and who answers for it. */
export function routeHandlers(): readonly Handler[] {
  return [
    unary(RouteService.method.explainRoute, async ({ shards }, { name }) => {
      const { shard, leader, rangeVersion } = await shards.explain(name);
      return { name, shard: shard.name, leader, rangeVersion: toUint64(rangeVersion) };
    }),
  ];
}
