import type { Delivery, GroupKind, MemberRole, Operation } from "../../src/domain/index.js";
import { NOW_MS, SYSTEM } from "./agenda.js";
import type { AgendaShard } from "./agenda-shard.js";

const GROUPS_SHARD = 3;

/** What another shard tells a shard of calendars, that of the groups if none is named, with its numbers. */
export class GroupNews {
  readonly #shard: AgendaShard;
  readonly #source: number;
  #last = 0;

  constructor(shard: AgendaShard, source = GROUPS_SHARD) {
    this.#shard = shard;
    this.#source = source;
  }

  group(id: string, kind: GroupKind, over: { parent?: string; deleteTimeMs?: number } = {}): void {
    this.tell({
      kind: "group",
      group: {
        id,
        uid: "",
        displayName: "",
        kind,
        parent: "",
        createTimeMs: NOW_MS,
        updateTimeMs: NOW_MS,
        deleteTimeMs: 0,
        purgeTimeMs: 0,
        revision: 1,
        ...over,
      },
    });
  }

  member(group: string, user: string, rank: number, role: MemberRole = "member"): void {
    this.tell({
      kind: "member",
      member: { group, user, role, rank, createTimeMs: NOW_MS, revision: 1, joinRevision: 0 },
    });
  }

  gone(group: string, user: string): void {
    this.tell({ kind: "member-gone", group, user, revision: 2 });
  }

  tell(delivery: Delivery): void {
    const number = ++this.#last;
    const told: Operation = { kind: "deliver", source: this.#source, epoch: 1, number, delivery };
    this.#shard.done(SYSTEM, told);
  }
}
