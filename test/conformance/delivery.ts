import type { AppendDone, Entry, Message } from "../../src/raft/index.js";
import {
  describeAppendDone,
  describeApplyDone,
  describeMessage,
  MESSAGE_NAMES,
} from "./describe.js";

/** On its way: between nodes, or from a node's own storage back to it. */
export type Delivery =
  | { readonly kind: "message"; readonly to: number; readonly message: Message }
  | { readonly kind: "appended"; readonly to: number; readonly done: AppendDone }
  | { readonly kind: "applied"; readonly to: number; readonly entries: readonly Entry[] };

/** What never crosses the network, so that no fault of the network can touch it. */
export function isLocal(delivery: Delivery): boolean {
  return delivery.kind !== "message" || delivery.message.from === delivery.message.to;
}

export function typeOf(delivery: Delivery): string {
  if (delivery.kind === "message") return MESSAGE_NAMES[delivery.message.kind];
  return delivery.kind === "appended" ? "MsgStorageAppendResp" : "MsgStorageApplyResp";
}

export function describeDelivery(delivery: Delivery): string[] {
  switch (delivery.kind) {
    case "message":
      return describeMessage(delivery.message);
    case "appended":
      return describeAppendDone(delivery.to, delivery.done);
    case "applied":
      return describeApplyDone(delivery.to, delivery.entries);
  }
}
