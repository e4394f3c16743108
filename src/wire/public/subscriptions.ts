import { create } from "@bufbuild/protobuf";
import { SubscriptionsSchema } from "../../../gen/cabildo/v1/subscriptions_pb.js";
import type { Subscriptions } from "../../../gen/cabildo/v1/subscriptions_pb.js";
import type * as domain from "../../domain/index.js";
import { formatEtag, toTimestamp } from "./times.js";

export function subscriptionsToPublic(subscriptions: domain.Subscriptions): Subscriptions {
  const { user, channels, updateTimeMs, revision } = subscriptions;
  return create(SubscriptionsSchema, {
    name: `users/${user}/subscriptions`,
    channels: [...channels],
    updateTime: toTimestamp(updateTimeMs),
    etag: formatEtag(revision),
  });
}
