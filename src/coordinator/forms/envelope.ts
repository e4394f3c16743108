import { ClusterError } from "../../base/index.js";
import { tooLarge } from "../read-body.js";

/** One byte of flags, four of length, then the message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export const ENVELOPE_HEAD_BYTES = 5;
const COMPRESSED = 1;

/** The one message of a unary call. */
export function openEnvelope(body: Uint8Array, bytesMax: number): Uint8Array {
  if (body.byteLength === 0) throw countFault("no message");
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const length = body.byteLength < ENVELOPE_HEAD_BYTES ? 0 : view.getUint32(1);
  if (length > bytesMax) throw tooLarge(bytesMax);
  const end = ENVELOPE_HEAD_BYTES + length;
  if (body.byteLength < end) throw fault("the body ends before its message: send it whole");
  if (body.byteLength > end) throw countFault("more than one message");
  if ((view.getUint8(0) & COMPRESSED) !== 0) {
    throw fault("the message is compressed, and no header says how: send grpc-encoding");
  }
  return body.subarray(ENVELOPE_HEAD_BYTES);
}

export function sealEnvelope(message: Uint8Array, flags = 0): Buffer {
  const sealed = Buffer.allocUnsafe(ENVELOPE_HEAD_BYTES + message.byteLength);
  sealed.writeUInt8(flags, 0);
  sealed.writeUInt32BE(message.byteLength, 1);
  sealed.set(message, ENVELOPE_HEAD_BYTES);
  return sealed;
}

const fault = (problem: string): ClusterError =>
  new ClusterError("invalid-argument", problem, { outcome: "not_applied" });

/** As gRPC has it: a method that takes one message is not one that takes none, or several. */
const countFault = (what: string): ClusterError =>
  new ClusterError("unimplemented", `the body holds ${what}: this method takes one`, {
    outcome: "not_applied",
  });
