import { encodeMember, type MemberStatus } from "../runtime/index.js";

/** No certificate has a name like it, so no node speaks for a replica that bears it. */
const REMOVED = "removed/";

/**
 * What a conf change carries that takes a replica out: from then on it belongs, in the rows of its group, to nobody. They stay
 * for ever, and travel in snapshots.
 */
export function encodeRemoved({ replica, node, address, storeId }: MemberStatus): Uint8Array {
  return encodeMember({ replica, node: `${REMOVED}${node}`, address, storeId });
}

/** Whose replica it was, of a member that was taken out. */
export function findRemoved(node: string): string | undefined {
  return node.startsWith(REMOVED) ? node.slice(REMOVED.length) : undefined;
}
