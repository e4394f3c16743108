import { createContextKey } from "@connectrpc/connect";
import type { CallNote } from "../base/index.js";

/** What is known of one call beside its message. */
export interface CallRecord {
  readonly remoteAddress: string;
  /** Name of the gRPC code that it ended with, once that is known. */
  code: string | undefined;
  note: CallNote | undefined;
}

export const CALL_RECORD = createContextKey<CallRecord>(
  { remoteAddress: "", code: undefined, note: undefined },
  { description: "what is known of a call" },
);
