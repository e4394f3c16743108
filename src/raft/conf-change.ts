import type { ReplicaId } from "./types.js";
import { InvariantViolation } from "../base/index.js";

export type ChangeKind = "add-voter" | "add-learner" | "remove" | "update";

export interface SingleChange {
  readonly kind: ChangeKind;
  readonly replica: ReplicaId;
}

/**
 * How a change enters and leaves a joint configuration. auto: joint only if there are several changes, and left without
 * being asked. implicit: joint, left without being asked. explicit: joint until an empty change is proposed.
 */
export type Transition = "auto" | "implicit" | "explicit";

/** No changes and transition "auto": leave the joint configuration. */
export interface ConfChange {
  readonly transition: Transition;
  readonly changes: readonly SingleChange[];
  /** The owner's own words about the change, such as addresses and store ids. */
  readonly context: Uint8Array;
}

export const LEAVE_JOINT: ConfChange = {
  transition: "auto",
  changes: [],
  context: new Uint8Array(0),
};

export function isLeaveJoint(change: ConfChange): boolean {
  return change.transition === "auto" && change.changes.length === 0;
}

/** Undefined if the change is simple; else whether the joint configuration is left without being asked. */
export function findJoint(change: ConfChange): { readonly autoLeave: boolean } | undefined {
  if (change.transition === "auto" && change.changes.length <= 1) return undefined;
  return { autoLeave: change.transition !== "explicit" };
}

const TRANSITIONS: readonly Transition[] = ["auto", "implicit", "explicit"];
const KINDS: readonly ChangeKind[] = ["add-voter", "add-learner", "remove", "update"];
/** Kind and replica id. */
const CHANGE_BYTES = 9;
const HEADER_BYTES = 3;
const CHANGES_MAX = 0xffff;
const TWO_POW_32 = 0x100000000;

/**
 * Transition u8, number of changes u16, changes of {kind u8, replica u64}, then the context; all big-endian. Leaving a joint
 * configuration with no context is no bytes at all, so that a full log cannot refuse it.
 */
export function encodeConfChange(change: ConfChange): Uint8Array {
  if (isLeaveJoint(change) && change.context.length === 0) return new Uint8Array(0);
  const count = change.changes.length;
  if (count > CHANGES_MAX) throw new InvariantViolation("a conf change has too many changes");
  const bytes = new Uint8Array(HEADER_BYTES + count * CHANGE_BYTES + change.context.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, TRANSITIONS.indexOf(change.transition));
  view.setUint16(1, count);
  let at = HEADER_BYTES;
  for (const { kind, replica } of change.changes) {
    view.setUint8(at, KINDS.indexOf(kind));
    view.setUint32(at + 1, Math.floor(replica / TWO_POW_32));
    view.setUint32(at + 5, replica % TWO_POW_32);
    at += CHANGE_BYTES;
  }
  bytes.set(change.context, at);
  return bytes;
}

/** The bytes come from the log, which only `encodeConfChange` writes: anything else throws. */
export function decodeConfChange(bytes: Uint8Array): ConfChange {
  const change = findConfChange(bytes);
  if (change === undefined) throw new InvariantViolation("a conf change in the log is malformed");
  return change;
}

/** Undefined if the bytes are not what `encodeConfChange` gives: they may come from a peer. */
export function findConfChange(bytes: Uint8Array): ConfChange | undefined {
  if (bytes.length === 0) return LEAVE_JOINT;
  if (bytes.length < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const transition = TRANSITIONS[view.getUint8(0)];
  const contextAt = HEADER_BYTES + view.getUint16(1) * CHANGE_BYTES;
  if (transition === undefined || bytes.length < contextAt) return undefined;
  const changes: SingleChange[] = [];
  for (let at = HEADER_BYTES; at < contextAt; at += CHANGE_BYTES) {
    const kind = KINDS[view.getUint8(at)];
    const replica = view.getUint32(at + 1) * TWO_POW_32 + view.getUint32(at + 5);
    if (kind === undefined || !Number.isSafeInteger(replica)) return undefined;
    changes.push({ kind, replica });
  }
  return { transition, changes, context: bytes.slice(contextAt) };
}
