import type * as pb from "../../../gen/cabildo/store/v1/commands_pb.js";
import type { Operation } from "../../domain/index.js";
import { USER_ACT, USER_FIELD, VISIBILITY } from "./enums.js";
import { fromWorkingHours, toWorkingHours } from "./resources.js";

export type UserOperation = Extract<Operation, { kind: "update-user" | "set-user-standing" }>;

export function toUserOperation(operation: UserOperation): pb.Command["operation"] {
  if (operation.kind === "set-user-standing") {
    const { user, etag } = operation;
    const act = USER_ACT.encode(operation.act);
    return {
      case: "setUserStanding",
      value: { $typeName: "cabildo.store.v1.SetUserStanding", user, act, etag },
    };
  }
  const { user, content, fields, etag } = operation;
  return {
    case: "updateUser",
    value: {
      $typeName: "cabildo.store.v1.UpdateUser",
      user,
      fields: fields.map((field) => USER_FIELD.encode(field)),
      displayName: content.displayName,
      email: content.email,
      timeZone: content.timeZone,
      defaultVisibility: VISIBILITY.encode(content.defaultVisibility),
      workingHours: content.workingHours.map(toWorkingHours),
      etag,
    },
  };
}

export function fromUpdateUser(message: pb.UpdateUser): UserOperation {
  const { user, displayName, email, timeZone, etag } = message;
  return {
    kind: "update-user",
    user,
    content: {
      displayName,
      email,
      timeZone,
      defaultVisibility: VISIBILITY.decode(message.defaultVisibility),
      workingHours: message.workingHours.map(fromWorkingHours),
    },
    fields: message.fields.map((field) => USER_FIELD.decode(field)),
    etag,
  };
}

export function fromSetUserStanding({ user, act, etag }: pb.SetUserStanding): UserOperation {
  return { kind: "set-user-standing", user, act: USER_ACT.decode(act), etag };
}
