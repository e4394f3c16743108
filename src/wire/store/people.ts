import type * as commandsPb from "../../../gen/cabildo/store/v1/commands_pb.js";
import type { Operation } from "../../domain/index.js";
import { toInt64, toSafeInteger } from "../int64.js";
import { CLUSTER_ROLE } from "./enums.js";

export type PeopleOperation = Extract<
  Operation,
  { kind: "record-login-failure" | "issue-reset-code" | "reset-password" | "set-cluster-roles" }
>;

export function toPeopleOperation(operation: PeopleOperation): commandsPb.Command["operation"] {
  switch (operation.kind) {
    case "record-login-failure": {
      const { user, address } = operation;
      return {
        case: "recordLoginFailure",
        value: { $typeName: "cabildo.store.v1.RecordLoginFailure", user, address },
      };
    }
    case "issue-reset-code": {
      const { user, codeHash } = operation;
      const lifetimeMs = toInt64(operation.lifetimeMs);
      return {
        case: "issueResetCode",
        value: { $typeName: "cabildo.store.v1.IssueResetCode", user, codeHash, lifetimeMs },
      };
    }
    case "reset-password": {
      const { user, codeHash, passwordHash } = operation;
      return {
        case: "resetPassword",
        value: { $typeName: "cabildo.store.v1.ResetPassword", user, codeHash, passwordHash },
      };
    }
    case "set-cluster-roles": {
      const { user, etag } = operation;
      const roles = operation.roles.map((role) => CLUSTER_ROLE.encode(role));
      return {
        case: "setClusterRoles",
        value: { $typeName: "cabildo.store.v1.SetClusterRoles", user, roles, etag },
      };
    }
  }
}

export function fromPeopleOperation(
  operation: Extract<
    commandsPb.Command["operation"],
    { case: "recordLoginFailure" | "issueResetCode" | "resetPassword" | "setClusterRoles" }
  >,
): PeopleOperation {
  switch (operation.case) {
    case "recordLoginFailure": {
      const { user, address } = operation.value;
      return { kind: "record-login-failure", user, address };
    }
    case "issueResetCode": {
      const { user, codeHash, lifetimeMs } = operation.value;
      return { kind: "issue-reset-code", user, codeHash, lifetimeMs: toSafeInteger(lifetimeMs) };
    }
    case "resetPassword": {
      const { user, codeHash, passwordHash } = operation.value;
      return { kind: "reset-password", user, codeHash, passwordHash };
    }
    case "setClusterRoles": {
      const { user, roles, etag } = operation.value;
      return {
        kind: "set-cluster-roles",
        user,
        roles: roles.map((role) => CLUSTER_ROLE.decode(role)),
        etag,
      };
    }
  }
}
