/** A bug in this program: the state is not what the code was written for, so the process must stop. Never caught for control. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
}

/** Stays on in production: a replica whose state is wrong must stop, not vote. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(message);
}

/** Closes a switch over a discriminated union: a new variant does not compile until it is handled. */
export function unreachable(value: never): never {
  throw new InvariantViolation(`unreachable: ${JSON.stringify(value)}`);
}
