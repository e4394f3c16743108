import type { Caller, User } from "../domain/index.js";
import { refused } from "./faults.js";
import type { ShardCalls } from "./shard-calls.js";
import { SYSTEM } from "./shard-calls.js";

/** Whether a login can succeed at all. */
export function mayLogIn({ state, deleteTimeMs }: User): boolean {
  return state === "active" && deleteTimeMs === 0;
}

/** Whom a login would make of a user, as rights go: no session is behind it. */
export async function supposedCaller(shards: ShardCalls, user: string): Promise<Caller> {
  const question = { kind: "get-user", user } as const;
  const { answer } = await shards.read(shards.of("users", user), SYSTEM, question);
  if (!mayLogIn(answer.user)) {
    throw refused("unauthenticated", `users/${user} is disabled or deleted, and cannot log in`);
  }
  return { kind: "user", user, sessionId: "", roles: answer.user.clusterRoles };
}
