import type { Command } from "../../../src/domain/index.js";
import type { Machine } from "../../../src/machine/index.js";
import type { EntryCodec } from "../../../src/runtime/index.js";

const REPLY = Buffer.from("done");
const never = (): never => {
  throw new Error("only puts are measured");
};

/** A command is the value to put: as little as a state machine can do. */
export const PUT_CODEC: EntryCodec = {
  decodeCommand: (bytes): Command => ({
    caller: { kind: "system" },
    requestId: "",
    fingerprint: "",
    operation: { kind: "revoke-session", user: "", session: textOf(bytes) },
  }),
  encodeReply: () => REPLY,
  decodeQuery: never,
  encodeQueryReply: never,
  encodeChange: never,
};

/** Puts the value under the index of its entry. */
export const PUT_MACHINE: Machine = {
  featureLevel: 1,
  levelOf: () => 1,
  reads: () => ({ keys: [], ranges: [] }),
  apply: ({ index, sequence }, { operation }) => ({
    writes: [{ key: `v/${index}`, value: valueOf(operation) }],
    changes: [],
    reply: { kind: "done", name: "", revision: 0, sequence, replayed: false },
  }),
  query: never,
};

/** One byte a character: any bytes fit. */
function textOf({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}

function valueOf(operation: Command["operation"]): Uint8Array {
  if (operation.kind !== "revoke-session") return never();
  return Buffer.from(operation.session, "latin1");
}
