import { expect } from "chai";
import { fc } from "../../support/properties.js";
import type { Operation } from "../../../src/domain/index.js";
import { createStoreCodec } from "../../../src/wire/store/index.js";
import { userCaller } from "../../support/agenda.js";
import { AgendaShard } from "../../support/agenda-shard.js";

const { rows: codecs } = createStoreCodec();
const USERS = ["ana", "bea", "carl", "dora"];
const GROUPS = ["a", "b", "c"];

const user = fc.constantFrom(...USERS);
const group = fc.constantFrom(...GROUPS);
const role = fc.constantFrom("leader", "deputy", "member", "observer");
const rank = fc.constantFrom(0, 10, 50, 99, 100);
const head = { uid: "", displayName: "", etag: "" };

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    ...constants({ ...head, kind: "create-group", groupKind: "peer" }),
    group,
    parent: fc.constantFrom("", ...GROUPS),
  }),
  fc.record({
    ...constants({ ...head, kind: "update-group" }),
    group,
    parent: fc.constantFrom("", ...GROUPS),
    fields: fc.constant(["parent"] as const),
  }),
  fc.record({
    ...constants({ kind: "set-group-deleted", etag: "" }),
    group,
    deleted: fc.boolean(),
  }),
  fc.record({ ...constants({ kind: "add-member" }), group, user, role, rank }),
  fc.record({
    ...constants({ kind: "update-member", etag: "" }),
    group,
    user,
    role,
    rank,
    fields: fc.subarray(["role", "rank"] as const, { minLength: 1 }),
  }),
  fc.record({ ...constants({ kind: "remove-member" }), group, user }),
  fc.record({ ...constants({ kind: "transfer-leadership" }), group, successor: user }),
) as fc.Arbitrary<Operation>;

function constants(values: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, fc.constant(value)]),
  );
}

const history = fc.array(fc.tuple(user, operation), { minLength: 20, maxLength: 80 });

/** Two groups with people of all ranks, one below the other, to begin with. */
function peopledShard(): AgendaShard {
  const shard = new AgendaShard();
  const ana = userCaller("ana");
  const places = [
    ["bea", "deputy", 50],
    ["carl", "member", 10],
  ] as const;
  for (const [id, parent] of [
    ["a", ""],
    ["b", "a"],
  ] as const) {
    const founding = { ...head, kind: "create-group", group: id, groupKind: "peer" } as const;
    shard.done(ana, { ...founding, parent });
    for (const [who, as, at] of places) {
      shard.done(ana, { kind: "add-member", group: id, user: who, role: as, rank: at });
    }
  }
  return shard;
}

/** All rows of a kind, decoded. */
function all<Row>(shard: AgendaShard, prefix: string, decode: (bytes: Uint8Array) => Row): Row[] {
  const found = shard.memory.state.rows().filter(({ key }) => key.startsWith(`${prefix}/`));
  return found.map(({ value }) => decode(value));
}

const groupsOf = (shard: AgendaShard) => all(shard, "gr", (b) => codecs.group.decode(b));
const membersOf = (shard: AgendaShard) => all(shard, "gm", (b) => codecs.member.decode(b));

/** A user's place, by the plainest rule: the own one, or that in the nearest group above. */
function placeOf(shard: AgendaShard, id: string, who: string) {
  const groups = new Map(groupsOf(shard).map((each) => [each.id, each]));
  const members = membersOf(shard);
  for (let at = groups.get(id); at?.deleteTimeMs === 0; at = groups.get(at.parent)) {
    const { id: here } = at;
    const found = members.find((member) => member.group === here && member.user === who);
    if (found !== undefined) return found;
  }
  return undefined;
}

describe("invariant 11: groups, whatever their members do,", () => {
  it("have a leader each, no cycle, and counts and indexes that are right", () => {
    let applied = 0;
    fc.assert(
      fc.property(history, (steps) => {
        const shard = peopledShard();
        for (const [who, next] of steps) {
          if (shard.run(userCaller(who), next).reply.kind === "done") applied++;
        }
        const members = membersOf(shard);
        const groups = groupsOf(shard);
        for (const each of groups) {
          const own = members.filter((member) => member.group === each.id);
          const count = shard.memory.state.get(`gc/${each.id}`);
          expect(count && codecs.memberCount.decode(count).members).equals(own.length);
          if (each.deleteTimeMs !== 0) continue;
          expect(own.some((member) => member.role === "leader")).equals(true);
          const line = [each.id];
          for (
            let up = each.parent;
            up !== "";
            up = groups.find((g) => g.id === up)?.parent ?? ""
          ) {
            expect(line).not.contains(up);
            line.push(up);
          }
        }
        const index = shard.memory.state.rows().filter(({ key }) => key.startsWith("gu/"));
        expect(index.map(({ key }) => key)).deep.equals(
          members.map((member) => `gu/${member.user}/${member.group}`).sort(),
        );
      }),
      { numRuns: 30 },
    );
    expect(applied).greaterThan(20);
  });

  it("change or lose a member by a strictly higher rank alone, or by the member", () => {
    let changed = 0;
    fc.assert(
      fc.property(history, (steps) => {
        const shard = peopledShard();
        for (const [who, next] of steps) {
          const isAbout = next.kind === "update-member" || next.kind === "remove-member";
          const before = isAbout
            ? membersOf(shard).find((m) => m.group === next.group && m.user === next.user)
            : undefined;
          const caller = isAbout ? placeOf(shard, next.group, who) : undefined;
          const { reply } = shard.run(userCaller(who), next);
          if (!isAbout || reply.kind !== "done") continue;
          if (next.kind === "remove-member" && next.user === who) continue;
          changed++;
          expect(caller?.rank).greaterThan(before?.rank ?? Infinity);
        }
      }),
      { numRuns: 30 },
    );
    expect(changed).greaterThan(3);
  });
});
