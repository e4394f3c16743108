import { SubscriptionService } from "../../../gen/cabildo/v1/subscriptions_pb.js";
import type { UpdateSubscriptionsRequest } from "../../../gen/cabildo/v1/subscriptions_pb.js";
import type { ShardPosition } from "../../shards/index.js";
import { subscriptionsToPublic } from "../../wire/index.js";
import { fieldFault } from "../faults.js";
import { fieldsOfMask } from "../field-mask.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { findChannel, parseSubscriptions } from "../names.js";
import { leastOf } from "../positions.js";
import type { ServiceContext } from "./context.js";

const { method } = SubscriptionService;

export function subscriptionHandlers(context: ServiceContext): readonly Handler[] {
  return [
    unary(method.getSubscriptions, async (call, { name, position }) => {
      const user = parseSubscriptions(name, "name");
      return await read(call, user, leastOf(context.positions, position));
    }),
    unary(method.updateSubscriptions, (call, request) => update(call, request)),
  ];
}

const FIELDS = {
  resource: "subscriptions",
  writable: new Map([["channels", "channels"]] as const),
  setByTheCluster: new Set(["name", "update_time", "etag"]),
} as const;

async function update(call: Call, request: UpdateSubscriptionsRequest) {
  const { subscriptions: wanted } = request;
  if (wanted === undefined) throw fieldFault("subscriptions", "must be set");
  const { channels, etag } = wanted;
  const user = parseSubscriptions(wanted.name, "subscriptions.name");
  fieldsOfMask(FIELDS, request.updateMask?.paths ?? [], { channels: true });
  channels.forEach((channel, i) => {
    if (findChannel(channel) !== undefined) return;
    throw fieldFault(`subscriptions.channels[${i}]`, "no name of a channel");
  });
  const written = await call.shards.execute(
    call.shards.of("users", user),
    call.caller,
    { kind: "set-subscriptions", user, channels, etag },
    { method: method.updateSubscriptions, request },
  );
  if (written.resource?.kind === "subscriptions") {
    return subscriptionsToPublic(written.resource.subscriptions);
  }
  return await read(call, user, [written.position]);
}

async function read(call: Call, user: string, after: readonly ShardPosition[]) {
  const shard = call.shards.of("users", user);
  const question = { kind: "get-subscriptions", user } as const;
  const { answer } = await call.shards.read(shard, call.caller, question, after);
  return subscriptionsToPublic(answer.subscriptions);
}
