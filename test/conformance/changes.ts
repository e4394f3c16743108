import type { ChangeKind, SingleChange } from "../../src/raft/index.js";

const KINDS = new Map<string, ChangeKind>([
  ["v", "add-voter"],
  ["l", "add-learner"],
  ["r", "remove"],
  ["u", "update"],
]);

/** `v1 l2 r3 u4`: voter, learner, remove, update. */
export function parseChanges(text: string): SingleChange[] {
  const tokens = text.split(/\s+/).filter((token) => token !== "");
  return tokens.map((token) => {
    const kind = KINDS.get(token.slice(0, 1));
    const replica = Number(token.slice(1));
    if (token.length < 2 || !Number.isSafeInteger(replica)) {
      throw new Error(`unknown token ${token}`);
    }
    if (kind === undefined) throw new Error(`unknown input: ${token}`);
    return { kind, replica };
  });
}
