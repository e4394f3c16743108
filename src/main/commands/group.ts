import { toJson } from "@bufbuild/protobuf";
import type { Command } from "commander";
import {
  GroupKind,
  ListGroupsResponseSchema,
  ListMembersResponseSchema,
  MemberRole,
  MemberSchema,
} from "../../../gen/cabildo/v1/groups_pb.js";
import type { Member } from "../../../gen/cabildo/v1/groups_pb.js";
import { openCabildo } from "../client/api.js";
import { currentSession } from "../client/current-session.js";
import { OUTPUT_OPTION, examples, parseWhole, print, UsageError } from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { formatTable } from "../table.js";

interface GroupOptions {
  readonly output: Output;
}

interface CreateOptions extends GroupOptions {
  readonly name?: string;
  readonly hierarchical?: true;
}

interface AddOptions extends GroupOptions {
  readonly role: string;
  readonly rank: number;
}

const PAGE_SIZE = 1000;
const ROLES: Readonly<Record<string, MemberRole>> = {
  leader: MemberRole.LEADER,
  deputy: MemberRole.DEPUTY,
  member: MemberRole.MEMBER,
  observer: MemberRole.OBSERVER,
};

export function addGroup(program: Command): void {
  const group = program
    .command("group")
    .description("see and make groups, and who is in them")
    .addHelpText("after", examples('group create choir --name "The choir"', "group add choir zoe"));
  const add = (name: string, description: string, example: string): Command =>
    group
      .command(name)
      .description(description)
      .addOption(OUTPUT_OPTION)
      .addHelpText("after", examples(`group ${name} ${example}`.trimEnd()));
  add("list", "the groups that you are in", "").action(list);
  add("create", "make a group that you lead", 'choir --name "The choir"')
    .argument("<group>", "its id, such as choir")
    .option("--name <text>", "how it is shown")
    .option("--hierarchical", "ranks decide; without it everyone has to agree")
    .action(createGroup);
  add("members", "who is in a group", "choir").argument("<group>").action(members);
  add("add", "put somebody into a group", "choir zoe --rank 10")
    .argument("<group>")
    .argument("<user>")
    .option("--role <role>", Object.keys(ROLES).join(", "), "member")
    .option("--rank <n>", "higher commands lower", parseWhole, 0)
    .action(addMember);
  add("remove", "take somebody out of a group", "choir zoe")
    .argument("<group>")
    .argument("<user>")
    .action(removeMember);
}

const groupsOf = async () => (await openCabildo(currentSession())).groups;

async function list({ output }: GroupOptions): Promise<void> {
  const response = await (await groupsOf()).listGroups({ pageSize: PAGE_SIZE });
  if (output === "json") {
    print(JSON.stringify(toJson(ListGroupsResponseSchema, response), null, 2));
    return;
  }
  const rows = response.groups.map(({ name, displayName, kind }) => [
    name.slice("groups/".length),
    displayName,
    kind === GroupKind.HIERARCHICAL ? "hierarchical" : "peers",
  ]);
  print(rows.length === 0 ? "no groups" : formatTable(["group", "name", "kind"], rows));
}

async function createGroup(groupId: string, options: CreateOptions): Promise<void> {
  const kind = options.hierarchical === true ? GroupKind.HIERARCHICAL : GroupKind.PEER;
  const group = { displayName: options.name ?? groupId, kind };
  const { name, calendar } = await (await groupsOf()).createGroup({ groupId, group });
  print(
    options.output === "json" ? JSON.stringify({ name, calendar }) : `created ${name}, ${calendar}`,
  );
}

async function members(group: string, { output }: GroupOptions): Promise<void> {
  const parent = nameOfGroup(group);
  const response = await (await groupsOf()).listMembers({ parent, pageSize: PAGE_SIZE });
  if (output === "json") {
    print(JSON.stringify(toJson(ListMembersResponseSchema, response), null, 2));
  } else {
    print(formatTable(["user", "role", "rank"], response.members.map(cells)));
  }
}

async function addMember(group: string, user: string, options: AddOptions): Promise<void> {
  const role = ROLES[options.role];
  if (role === undefined) {
    throw new UsageError(`there is no role ${options.role}: ${Object.keys(ROLES).join(", ")} are`);
  }
  const member = { user: `users/${idOf("users", user)}`, role, rank: options.rank };
  const added = await (await groupsOf()).addMember({ parent: nameOfGroup(group), member });
  if (options.output === "json") print(JSON.stringify(toJson(MemberSchema, added)));
  else print(formatTable(["user", "role", "rank"], [cells(added)]));
}

async function removeMember(group: string, user: string, { output }: GroupOptions): Promise<void> {
  const name = `${nameOfGroup(group)}/members/${idOf("users", user)}`;
  await (await groupsOf()).removeMember({ name });
  print(output === "json" ? JSON.stringify({ name }) : `${user} is no longer in ${group}`);
}

/** Of an id, or of a name, as other commands write it. */
const idOf = (collection: string, text: string): string =>
  text.startsWith(`${collection}/`) ? text.slice(collection.length + 1) : text;

const nameOfGroup = (text: string): string => `groups/${idOf("groups", text)}`;

function cells({ user, role, rank }: Member): readonly string[] {
  const known = Object.entries(ROLES).find(([, value]) => value === role)?.[0] ?? "member";
  return [user.slice("users/".length), known, String(rank)];
}
