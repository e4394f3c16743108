import type * as commandsPb from "../../../gen/cabildo/store/v1/commands_pb.js";
import type * as pb from "../../../gen/cabildo/store/v1/resources_pb.js";
import type { Operation, Subscriptions } from "../../domain/index.js";
import { toInt64, toSafeInteger } from "../int64.js";
import { ROW_VERSION } from "./row-version.js";

type SetSubscriptions = Extract<Operation, { kind: "set-subscriptions" }>;

export function toSubscriptions(subscriptions: Subscriptions): pb.Subscriptions {
  return {
    $typeName: "cabildo.store.v1.Subscriptions",
    version: ROW_VERSION,
    user: subscriptions.user,
    channels: [...subscriptions.channels],
    updateTimeMs: toInt64(subscriptions.updateTimeMs),
    revision: toInt64(subscriptions.revision),
  };
}

export function fromSubscriptions(message: pb.Subscriptions): Subscriptions {
  return {
    user: message.user,
    channels: message.channels,
    updateTimeMs: toSafeInteger(message.updateTimeMs),
    revision: toSafeInteger(message.revision),
  };
}

export function toSetSubscriptions({
  user,
  channels,
  etag,
}: SetSubscriptions): commandsPb.Command["operation"] {
  return {
    case: "setSubscriptions",
    value: {
      $typeName: "cabildo.store.v1.SetSubscriptions",
      user,
      channels: [...channels],
      etag,
    },
  };
}

export function fromSetSubscriptions(message: commandsPb.SetSubscriptions): SetSubscriptions {
  const { user, channels, etag } = message;
  return { kind: "set-subscriptions", user, channels, etag };
}
