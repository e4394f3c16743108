import type * as pb from "../../../gen/cabildo/store/v1/commands_pb.js";
import { unreachable } from "../../base/index.js";
import type { Caller } from "../../domain/index.js";
import { Malformed } from "./decoding.js";
import { CLUSTER_ROLE } from "./enums.js";

export function toCaller(caller: Caller): pb.Caller {
  return { $typeName: "cabildo.store.v1.Caller", caller: toCase(caller) };
}

function toCase(caller: Caller): pb.Caller["caller"] {
  switch (caller.kind) {
    case "anonymous":
      return { case: "anonymous", value: { $typeName: "cabildo.store.v1.Anonymous" } };
    case "user":
      return {
        case: "user",
        value: {
          $typeName: "cabildo.store.v1.UserCaller",
          user: caller.user,
          sessionId: caller.sessionId,
          roles: caller.roles.map((role) => CLUSTER_ROLE.encode(role)),
        },
      };
    case "system":
      return { case: "system", value: { $typeName: "cabildo.store.v1.System" } };
    default:
      return unreachable(caller);
  }
}

export function fromCaller(message: pb.Caller | undefined): Caller {
  switch (message?.caller.case) {
    case "anonymous":
      return { kind: "anonymous" };
    case "user": {
      const { user, sessionId, roles } = message.caller.value;
      return { kind: "user", user, sessionId, roles: roles.map((r) => CLUSTER_ROLE.decode(r)) };
    }
    case "system":
      return { kind: "system" };
    case undefined:
      throw new Malformed("caller is missing");
    default:
      return unreachable(message?.caller as never);
  }
}
