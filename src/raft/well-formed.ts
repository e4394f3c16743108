import { findConfChange } from "./conf-change.js";
import type { Message } from "./types.js";

type Append = Extract<Message, { kind: "append" }>;

/** What the handlers rely on and no correct peer violates. Numbers are known to be safe integers of 0 or more. */
export function isWellFormed(message: Message): boolean {
  switch (message.kind) {
    case "propose":
      return (
        message.entries.length > 0 &&
        message.entries.every(
          (entry) => entry.kind === "normal" || findConfChange(entry.data) !== undefined,
        )
      );
    case "read-index":
    case "transfer-leader":
      return true;
    case "append":
      return message.term > 0 && isRun(message);
    default:
      // Term 0 is before every election: it must not slip past the rules on terms.
      return message.term > 0;
  }
}

/** Indexes without a gap from prevIndex on, terms that never fall, none beyond the sender's. */
function isRun(message: Append): boolean {
  let index = message.prevIndex;
  let term = message.prevTerm;
  for (const entry of message.entries) {
    index += 1;
    if (entry.index !== index || entry.term < term) return false;
    term = entry.term;
  }
  return term <= message.term;
}
