import type {
  Answer,
  CalendarEvent,
  Caller,
  CommandReply,
  Operation,
  Question,
} from "../../src/domain/index.js";
import type { ErrorCode } from "../../src/base/index.js";
import { DEFAULT_RANGE_MAP, findShard } from "../../src/placement/index.js";
import type { Collection } from "../../src/placement/index.js";
import { SYSTEM, userCaller } from "./agenda.js";
import { AgendaShard } from "./agenda-shard.js";

const EPOCH = 1;
const NUMBERS = [1, 2, 3] as const;

/** The shards of calendars and of groups, and what goes between them: each delivery when the test says so. */
export class AgendaCluster {
  readonly shards: ReadonlyMap<number, AgendaShard> = new Map(
    NUMBERS.map((number) => [number, new AgendaShard()]),
  );

  at(collection: Collection, key: string): AgendaShard {
    return this.shard(findShard(DEFAULT_RANGE_MAP, collection, key)?.number ?? 0);
  }

  shard(number: number): AgendaShard {
    const shard = this.shards.get(number);
    if (shard === undefined) throw new Error(`no shard ${number}`);
    return shard;
  }

  /** All shards go by one clock. */
  set nowMs(nowMs: number) {
    for (const shard of this.shards.values()) shard.nowMs = nowMs;
  }

  calendar(user: string, operation: Operation & { readonly calendar: string }) {
    return this.at("calendars", operation.calendar).done(userCaller(user), operation);
  }

  tryCalendar(user: string, operation: Operation & { readonly calendar: string }): CommandReply {
    return this.at("calendars", operation.calendar).run(userCaller(user), operation).reply;
  }

  refused(
    user: string,
    operation: Operation & { readonly calendar: string },
    code: ErrorCode,
  ): string {
    return this.at("calendars", operation.calendar).refused(userCaller(user), operation, code);
  }

  group(user: string, operation: Operation): CommandReply {
    return this.at("groups", "").run(userCaller(user), operation).reply;
  }

  /** A group with members by rank; the first founds and leads it, and the group above it. */
  found(
    group: string,
    groupKind: "hierarchical" | "peer",
    ranks: Readonly<Record<string, number>>,
    parent = "",
  ) {
    const [founder = "", ...others] = Object.keys(ranks);
    this.at("groups", "").done(userCaller(founder), {
      kind: "create-group",
      group,
      uid: "",
      displayName: "",
      groupKind,
      parent,
    });
    for (const user of others) {
      const member = { group, user, role: "member", rank: ranks[user] ?? 0 } as const;
      this.at("groups", "").done(userCaller(founder), { kind: "add-member", ...member });
    }
    this.carry();
  }

  /** Takes the next delivery from one shard to another; false if there is none. `again`: it arrives, and is not marked. */
  carryOne(source: number, target: number, again = false): boolean {
    const question = { kind: "list-outbox", target, after: 0, pageSize: 1 } as const;
    const [entry] = this.shard(source).ask(SYSTEM, question, "outbox").outbox.entries;
    if (entry === undefined) return false;
    const { number, delivery } = entry;
    const told = { kind: "deliver", source, epoch: EPOCH, number, delivery } as const;
    this.shard(target).done(SYSTEM, told);
    if (again) return true;
    this.shard(source).done(SYSTEM, { kind: "settle-outbox", target, upTo: number });
    return true;
  }

  /** Until nothing is left on the way. */
  carry(): number {
    let carried = 0;
    for (let moved = true; moved;) {
      moved = false;
      for (const source of NUMBERS) {
        for (const target of NUMBERS) {
          while (this.carryOne(source, target)) {
            carried++;
            moved = true;
          }
        }
      }
    }
    return carried;
  }

  ask<Kind extends Answer["kind"]>(
    caller: Caller,
    question: Question & { readonly calendar: string },
    kind: Kind,
  ): Extract<Answer, { kind: Kind }> {
    return this.at("calendars", question.calendar).ask(caller, question, kind);
  }

  /** As its owner sees it; undefined where there is none, or it was deleted. */
  event(calendar: string, id: string, viewer = calendar): CalendarEvent | undefined {
    const question = { kind: "get-event", calendar, event: id } as const;
    const reply = this.at("calendars", calendar).query(userCaller(viewer), question);
    if (reply.kind === "refused" || reply.answer.kind !== "event") return undefined;
    return reply.answer.event.deleteTimeMs === 0 ? reply.answer.event : undefined;
  }
}
