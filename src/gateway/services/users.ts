import { UserService } from "../../../gen/cabildo/v1/users_pb.js";
import { userToPublic } from "../../wire/index.js";
import { unary } from "../handlers.js";
import type { Handler } from "../handlers.js";
import { parseUser } from "../names.js";
import { positionsOf } from "../positions.js";
import type { ServiceContext } from "./context.js";

export function userHandlers({ positions }: ServiceContext): readonly Handler[] {
  return [
    unary(UserService.method.getUser, async ({ caller, shards }, request) => {
      const user = parseUser(request.name, "name");
      const after = positionsOf(positions, request.position);
      const shard = shards.of("users", user);
      const { answer } = await shards.read(shard, caller, { kind: "get-user", user }, after);
      return userToPublic(answer.user);
    }),
  ];
}
