import type { Call } from "./handlers.js";
import { fieldFault } from "./faults.js";

/** Whoever is named by id must be there: a name that nobody has would never hear of it. */
export async function requireUsersExist(
  { caller, shards }: Call,
  users: readonly string[],
  field: string,
): Promise<void> {
  if (users.length === 0) return;
  const question = { kind: "find-users", users, email: "" } as const;
  const { answer } = await shards.read(shards.of("users", users[0] ?? ""), caller, question);
  const found = new Set(answer.users.map(({ id }) => id));
  const missing = users.find((user) => !found.has(user));
  if (missing !== undefined) throw fieldFault(field, `users/${missing} was not found`);
}
