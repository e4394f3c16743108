import type { Caller, Group, Member } from "../domain/index.js";
import { gather } from "./gather.js";
import { keyAfter, KEYS, prefixRange } from "./rows.js";
import type { StateReader } from "./state-reader.js";
import type { KeyRange, StateKey } from "./types.js";

/** A group has at most so many groups above it: whatever is inherited is found in as many reads. */
export const ANCESTORS_MAX = 7;

/** A group that is not deleted. */
export function findGroup(state: StateReader, id: string): Group | undefined {
  const group = state.find(state.rows.group, KEYS.group(id));
  return group?.deleteTimeMs === 0 ? group : undefined;
}

/** The group and those above it, the nearest first; empty for a group that is deleted or never was. */
export function lineOf(state: StateReader, id: string): readonly Group[] {
  const line: Group[] = [];
  for (let next = id; next !== "" && line.length <= ANCESTORS_MAX;) {
    const group = findGroup(state, next);
    if (group === undefined) break;
    line.push(group);
    next = group.parent;
  }
  return line;
}

/** A user's place in a group: the user's own, or that in the nearest group above. */
export function findMember(state: StateReader, id: string, user: string): Member | undefined {
  gather(state.view, { keys: memberKeys(id, user), ranges: [] });
  for (const group of lineOf(state, id)) {
    const member = state.find(state.rows.member, KEYS.member(group.id, user));
    if (member !== undefined) return member;
  }
  return undefined;
}

/** Whether a user who is not in a group by themselves is in it all the same. */
export function isInherited(state: StateReader, id: string, user: string): boolean {
  const parent = findGroup(state, id)?.parent ?? "";
  return parent !== "" && findMember(state, parent, user) !== undefined;
}

export function findOwnMember(
  state: StateReader,
  group: string,
  caller: Caller,
): Member | undefined {
  return caller.kind === "user" ? findMember(state, group, caller.user) : undefined;
}

/** What is read first of a user's place in a group. */
export function memberKeys(group: string, user: string): readonly StateKey[] {
  return [KEYS.group(group), KEYS.member(group, user)];
}

/** Members in order of user, those of the groups above included, each once: the nearest place counts. */
export function listMembers(
  state: StateReader,
  id: string,
  after: string,
  count: number,
): readonly Member[] {
  const line = lineOf(state, id);
  const ranges = line.map((group) => memberRange(group.id, after, count));
  gather(state.view, { keys: [], ranges });
  const members = new Map<string, Member>();
  for (const range of ranges) {
    for (const { value } of state.view.range(range)) {
      const member = state.rows.member.decode(value);
      if (!members.has(member.user)) members.set(member.user, member);
    }
  }
  const inOrder = [...members.values()].sort((a, b) => (a.user < b.user ? -1 : 1));
  return inOrder.slice(0, count);
}

export function memberRange(group: string, after: string, limit: number): KeyRange {
  const all = prefixRange(`gm/${group}`, limit);
  return after === "" ? all : { ...all, start: keyAfter(KEYS.member(group, after)) };
}
