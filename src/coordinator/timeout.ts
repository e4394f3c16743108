import type { Protocol } from "./protocol.js";

const GRPC_DIGITS_MAX = 99_999_999;
const MS_PER_SECOND = 1000;
const UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: MS_PER_SECOND,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** Milliseconds that a call may take by its header; undefined if it says nothing, NaN if that is no timeout. */
export function readTimeoutMs(
  { timeoutHeader }: Protocol,
  text: string | undefined,
): number | undefined {
  if (text === undefined) return undefined;
  if (timeoutHeader === "connect-timeout-ms") return /^\d{1,10}$/u.test(text) ? Number(text) : NaN;
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/u.exec(text) ?? [];
  return Number(digits ?? NaN) * (UNITS_MS[unit] ?? NaN);
}

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
