import { expect } from "chai";
import { readFile } from "node:fs/promises";
import type { DescMessage } from "@bufbuild/protobuf";
import { CommandSchema } from "../../gen/cabildo/store/v1/commands_pb.js";
import type { Command, Delivery, Operation } from "../../src/domain/index.js";
import { FEATURE_LEVEL, levelOf } from "../../src/machine/feature-level.js";
import { eventContent, eventId } from "../support/agenda.js";

/** Every field that a command can have, however deep. */
function fieldsOf(message: DescMessage, seen = new Set<string>()): readonly string[] {
  if (seen.has(message.typeName)) return [];
  seen.add(message.typeName);
  const name = message.typeName.replace("cabildo.store.v1.", "");
  return message.fields.flatMap((field) => [
    `${name}.${field.name} = ${field.number}`,
    ...(field.message === undefined ? [] : fieldsOf(field.message, seen)),
  ]);
}

/** What came with a level. */
async function listed(level: number): Promise<readonly string[]> {
  const file = `test/machine/commands-of-level-${level}.txt`;
  return (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
}

const KIND = /^(Command|Delivery)\.(\w+) = /u;

function commandOf(operation: Operation): Command {
  return { caller: { kind: "system" }, requestId: "", fingerprint: "", operation };
}

/** A command of that kind, or one that brings news of it. */
function sample(line: string): readonly Command[] {
  const [, of, name] = KIND.exec(line) ?? [];
  const kind = name?.replaceAll("_", "-");
  if (kind === undefined) return [];
  if (of === "Command") return [commandOf({ kind } as Operation)];
  const news = { kind: "deliver", source: 1, epoch: 1, number: 1 } as const;
  return [commandOf({ ...news, delivery: { kind } as Delivery })];
}

describe("the commands of this version", () => {
  it("are those of its feature levels: a further kind or field needs a level of its own", async () => {
    const levels = Array.from({ length: FEATURE_LEVEL }, (_, at) => at + 1);
    const known = (await Promise.all(levels.map(listed))).flat();
    expect([...fieldsOf(CommandSchema)].sort()).to.deep.equal(
      known.sort(),
      "raise FEATURE_LEVEL, give what is new that level (src/machine/feature-level.ts), and list it here",
    );
  });

  it("may stand in a log from the level on with which they came", async () => {
    for (let level = 2; level <= FEATURE_LEVEL; level++) {
      for (const line of await listed(level)) {
        for (const command of sample(line)) expect(levelOf(command), line).to.equal(level);
      }
    }
  });

  it("are of a level for a field that changes what they do, and without it of the one before", () => {
    const asked = {
      kind: "create-invitation",
      group: "choir",
      invitation: "i1",
      invitee: "zoe",
    } as const;
    const invite = { ...asked, role: "member", rank: 1, lifetimeMs: 1 } as const;
    expect(levelOf(commandOf({ ...invite, tells: false }))).to.equal(1);
    expect(levelOf(commandOf({ ...invite, tells: true }))).to.equal(3);
    const content = eventContent();
    const create = { kind: "create-events", calendar: "ana" } as const;
    const events = [{ event: eventId(1), content }];
    expect(levelOf(commandOf({ ...create, events }))).to.equal(1);
    expect(levelOf(commandOf({ ...create, events, absentOnly: true }))).to.equal(4);
    const known = [{ event: eventId(1), content, icalUid: "1@elsewhere" }];
    expect(levelOf(commandOf({ ...create, events: known }))).to.equal(4);
  });
});
