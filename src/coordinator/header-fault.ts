import { ClusterError } from "../base/index.js";
import { COMPRESSIONS } from "./compressions.js";
import type { Protocol } from "./protocol.js";
import { tooLarge } from "./read-body.js";
import { readTimeoutMs } from "./timeout.js";

/** What is wrong with the headers of a call, before anything is read. */
export function faultOfHeaders(
  header: Headers,
  protocol: Protocol,
  timeoutMsMax: number,
  bytesMax: number,
): ClusterError | undefined {
  const { timeoutHeader, compressionHeader } = protocol;
  const timeoutMs = readTimeoutMs(protocol, header.get(timeoutHeader) ?? undefined);
  if (timeoutMs !== undefined && Number.isNaN(timeoutMs)) {
    const example = timeoutHeader === "grpc-timeout" ? "10S" : "10000";
    return refusal("invalid-argument", timeoutHeader, `is no timeout such as ${example}`);
  }
  if (timeoutMs !== undefined && timeoutMs > timeoutMsMax) {
    const problem = `is longer than the ${timeoutMsMax} ms that this door takes: ask for less`;
    return refusal("invalid-argument", timeoutHeader, problem);
  }
  if (!protocol.enveloped && Number(header.get("content-length") ?? 0) > bytesMax) {
    return tooLarge(bytesMax);
  }
  const encoding = header.get(compressionHeader) ?? "identity";
  const known = ["identity", ...COMPRESSIONS.map(({ name }) => name)];
  if (known.includes(encoding)) return undefined;
  return refusal("unimplemented", compressionHeader, `is none of ${known.join(", ")}`);
}

const refusal = (
  code: "invalid-argument" | "unimplemented",
  field: string,
  description: string,
): ClusterError =>
  new ClusterError(code, `${field} ${description}`, {
    violations: [{ field, description }],
    outcome: "not_applied",
  });
