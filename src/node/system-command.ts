import type { Command, Operation } from "../domain/index.js";

/** What the cluster itself does. Without a request id it is done again when it is repeated. */
export function systemCommand(operation: Operation, requestId = ""): Command {
  return { caller: { kind: "system" }, requestId, fingerprint: "", operation };
}
