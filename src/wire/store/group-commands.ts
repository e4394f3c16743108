import type * as pb from "../../../gen/cabildo/store/v1/commands_pb.js";
import { unreachable } from "../../base/index.js";
import type { Operation } from "../../domain/index.js";
import { toInt64, toSafeInteger } from "../int64.js";
import { Malformed } from "./decoding.js";
import { GROUP_FIELD, GROUP_KIND, INVITATION_STATE, MEMBER_FIELD, MEMBER_ROLE } from "./enums.js";

export type GroupOperation = Extract<
  Operation,
  {
    kind:
      | "create-group"
      | "update-group"
      | "set-group-deleted"
      | "add-member"
      | "update-member"
      | "remove-member"
      | "transfer-leadership"
      | "create-invitation"
      | "settle-invitation";
  }
>;

type GroupCase = Extract<
  pb.Command["operation"],
  {
    case:
      | "createGroup"
      | "updateGroup"
      | "setGroupDeleted"
      | "addMember"
      | "updateMember"
      | "removeMember"
      | "transferLeadership"
      | "createInvitation"
      | "settleInvitation";
  }
>;

export function toGroupOperation(operation: GroupOperation): GroupCase {
  switch (operation.kind) {
    case "create-group":
      return {
        case: "createGroup",
        value: {
          $typeName: "cabildo.store.v1.CreateGroup",
          group: operation.group,
          uid: operation.uid,
          displayName: operation.displayName,
          kind: GROUP_KIND.encode(operation.groupKind),
          parent: operation.parent,
        },
      };
    case "update-group":
      return {
        case: "updateGroup",
        value: {
          $typeName: "cabildo.store.v1.UpdateGroup",
          group: operation.group,
          fields: operation.fields.map((field) => GROUP_FIELD.encode(field)),
          displayName: operation.displayName,
          parent: operation.parent,
          etag: operation.etag,
        },
      };
    case "set-group-deleted": {
      const { group, deleted, etag } = operation;
      return {
        case: "setGroupDeleted",
        value: { $typeName: "cabildo.store.v1.SetGroupDeleted", group, deleted, etag },
      };
    }
    case "add-member":
      return {
        case: "addMember",
        value: {
          $typeName: "cabildo.store.v1.AddMember",
          group: operation.group,
          user: operation.user,
          role: MEMBER_ROLE.encode(operation.role),
          rank: operation.rank,
        },
      };
    case "update-member":
      return {
        case: "updateMember",
        value: {
          $typeName: "cabildo.store.v1.UpdateMember",
          group: operation.group,
          user: operation.user,
          fields: operation.fields.map((field) => MEMBER_FIELD.encode(field)),
          role: MEMBER_ROLE.encode(operation.role),
          rank: operation.rank,
          etag: operation.etag,
        },
      };
    case "remove-member": {
      const { group, user } = operation;
      return {
        case: "removeMember",
        value: { $typeName: "cabildo.store.v1.RemoveMember", group, user },
      };
    }
    case "transfer-leadership": {
      const { group, successor } = operation;
      return {
        case: "transferLeadership",
        value: { $typeName: "cabildo.store.v1.TransferLeadership", group, successor },
      };
    }
    case "create-invitation":
      return {
        case: "createInvitation",
        value: {
          $typeName: "cabildo.store.v1.CreateInvitation",
          group: operation.group,
          invitation: operation.invitation,
          invitee: operation.invitee,
          role: MEMBER_ROLE.encode(operation.role),
          rank: operation.rank,
          lifetimeMs: toInt64(operation.lifetimeMs),
          tells: operation.tells,
        },
      };
    case "settle-invitation": {
      const { group, invitation } = operation;
      const state = INVITATION_STATE.encode(operation.state);
      return {
        case: "settleInvitation",
        value: { $typeName: "cabildo.store.v1.SettleInvitation", group, invitation, state },
      };
    }
    default:
      return unreachable(operation);
  }
}

export function fromGroupOperation(operation: GroupCase): GroupOperation {
  switch (operation.case) {
    case "createGroup": {
      const { group, uid, displayName, kind, parent } = operation.value;
      const groupKind = GROUP_KIND.decode(kind);
      return { kind: "create-group", group, uid, displayName, groupKind, parent };
    }
    case "updateGroup": {
      const { group, displayName, parent, etag } = operation.value;
      const fields = operation.value.fields.map((field) => GROUP_FIELD.decode(field));
      return { kind: "update-group", group, displayName, parent, fields, etag };
    }
    case "setGroupDeleted": {
      const { group, deleted, etag } = operation.value;
      return { kind: "set-group-deleted", group, deleted, etag };
    }
    case "addMember": {
      const { group, user, role, rank } = operation.value;
      return { kind: "add-member", group, user, role: MEMBER_ROLE.decode(role), rank };
    }
    case "updateMember": {
      const { group, user, rank, etag } = operation.value;
      const fields = operation.value.fields.map((field) => MEMBER_FIELD.decode(field));
      const role = MEMBER_ROLE.decode(operation.value.role);
      return { kind: "update-member", group, user, role, rank, fields, etag };
    }
    case "removeMember": {
      const { group, user } = operation.value;
      return { kind: "remove-member", group, user };
    }
    case "transferLeadership": {
      const { group, successor } = operation.value;
      return { kind: "transfer-leadership", group, successor };
    }
    case "createInvitation": {
      const { group, invitation, invitee, rank, tells } = operation.value;
      const role = MEMBER_ROLE.decode(operation.value.role);
      const lifetimeMs = toSafeInteger(operation.value.lifetimeMs);
      const of = { group, invitation, invitee };
      return { kind: "create-invitation", ...of, role, rank, lifetimeMs, tells };
    }
    case "settleInvitation": {
      const { group, invitation } = operation.value;
      const state = INVITATION_STATE.decode(operation.value.state);
      if (state === "pending") throw new Malformed("an invitation is not settled as pending");
      return { kind: "settle-invitation", group, invitation, state };
    }
    default:
      return unreachable(operation);
  }
}
