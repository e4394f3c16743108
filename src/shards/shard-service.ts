import { ShardService } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { serviceDefinition } from "../wire/index.js";

export const SHARD = serviceDefinition(ShardService);
