import type { Protocol } from "./protocol.js";

const GRPC_DIGITS_MAX = 99_999_999;
const MS_PER_SECOND = 1000;

/** Gives a call that names no deadline one, in the words of its protocol. */
export function setDefaultTimeout(header: Headers, protocol: Protocol, timeoutMs: number): void {
  if (header.has(protocol.timeoutHeader)) return;
  header.set(protocol.timeoutHeader, timeoutText(protocol, Math.ceil(timeoutMs)));
}

function timeoutText({ timeoutHeader }: Protocol, timeoutMs: number): string {
  if (timeoutHeader === "connect-timeout-ms") return String(timeoutMs);
  // At most eight digits before the unit.
  if (timeoutMs <= GRPC_DIGITS_MAX) return `${timeoutMs}m`;
  return `${Math.min(GRPC_DIGITS_MAX, Math.ceil(timeoutMs / MS_PER_SECOND))}S`;
}
