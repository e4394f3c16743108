import { ClusterError } from "../base/index.js";
import type { Caller } from "../domain/index.js";
import type { ChannelGrant, Gateway } from "../gateway/index.js";
import type { RangeMap } from "../placement/index.js";
import { parseChannel } from "./channels.js";
import type { Channel } from "./channels.js";
import type { View } from "./live-path.js";

export interface Allowed {
  readonly channel: Channel;
  readonly caller: Caller;
  readonly grant: ChannelGrant;
}

/** The one place that says who may hear what: asked before a channel begins, and by who wants to know whether it could. */
export async function findAllowed(
  services: {
    readonly gateway: Pick<Gateway, "authorizeChannel">;
    readonly rangeMap: RangeMap;
  },
  caller: Caller,
  name: string,
): Promise<Allowed | Error> {
  const { gateway, rangeMap } = services;
  const channel = parseChannel(name, rangeMap);
  if (channel === undefined) {
    return new ClusterError("invalid-argument", "there are no channels of this name", {
      violations: [{ field: "channels", description: "no name of a channel" }],
    });
  }
  try {
    return { channel, caller, grant: await gateway.authorizeChannel(caller, name) };
  } catch (error) {
    return error instanceof Error ? error : new ClusterError("internal", "refused");
  }
}

/** How much of a channel is heard by this right. */
export function viewOf({ reader }: ChannelGrant): View {
  return reader?.seesAll === false ? "readers" : "full";
}
