import { fieldFault } from "./faults.js";

const known = new Map<string, boolean>();
const KNOWN_MAX = 2_000;

/** Names that the tz database of this Node knows; empty stands for UTC. */
export function requireTimeZone(name: string, field: string): void {
  if (name === "") return;
  let valid = known.get(name);
  if (valid === undefined) {
    valid = isTimeZone(name);
    if (known.size < KNOWN_MAX) known.set(name, valid);
  }
  if (!valid) throw fieldFault(field, "not the IANA name of a time zone, such as America/Havana");
}

function isTimeZone(name: string): boolean {
  // Offsets such as +02:00 would pass too, and say nothing of summer time.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
