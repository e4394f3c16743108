import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import { UserSchema, UserState } from "../../../gen/cabildo/v1/users_pb.js";
import type { User } from "../../../gen/cabildo/v1/users_pb.js";
import { openCabildo } from "../client/api.js";
import { currentSession } from "../client/current-session.js";
import { Operator } from "../client/operator.js";
import {
  DATA_DIR,
  DATA_OPTION,
  OUTPUT_OPTION,
  examples,
  print,
  UsageError,
} from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { requireLocalCluster } from "../ready-file.js";
import { formatTable } from "../table.js";

interface UserOptions {
  readonly output: Output;
}

interface RolesOptions extends UserOptions {
  readonly none?: true;
}

export function addUser(program: Command): void {
  const user = program
    .command("user")
    .description("see users, let them in or not, and say what they may do")
    .addHelpText("after", examples("user get ana", "user reset-code ana"));
  const add = (name: string, description: string, example = "ana"): Command =>
    user
      .command(name)
      .description(description)
      .argument("<user>", "such as ana")
      .addOption(OUTPUT_OPTION)
      .addHelpText("after", examples(`user ${name} ${example}`));
  add("get", "show a user").action(async (id: string, options: UserOptions) => {
    show(await (await connect()).users.getUser({ name: nameOfUser(id) }), options);
  });
  add("disable", "end the sessions of a user, and let no new one begin").action(
    async (id: string, options: UserOptions) => {
      show(await (await connect()).users.disableUser({ name: nameOfUser(id) }), options);
    },
  );
  add("enable", "let a disabled user in again").action(async (id: string, options: UserOptions) => {
    show(await (await connect()).users.enableUser({ name: nameOfUser(id) }), options);
  });
  add("roles", "set the cluster roles of a user, as an administrator", "ana operator auditor")
    .argument("[role...]", "all that the user is to have: admin, operator, auditor")
    .option("--none", "take all roles away")
    .action(async (id: string, clusterRoles: readonly string[], options: RolesOptions) => {
      if ((clusterRoles.length === 0) !== (options.none === true)) {
        throw new UsageError(`name the roles that ${id} is to have, or give --none`);
      }
      const name = nameOfUser(id);
      const { users } = await connect();
      show(await users.setClusterRoles({ name, clusterRoles: [...clusterRoles] }), options);
    });
  user
    .command("reset-code")
    .description("make a code with which a user who forgot the password sets a new one")
    .argument("<user>", "such as ana")
    .addOption(OUTPUT_OPTION)
    .option(...DATA_OPTION, DATA_DIR)
    .addHelpText("after", examples("user reset-code ana"))
    .action(resetCode);
}

async function resetCode(
  userId: string,
  { data, output }: UserOptions & { readonly data: string },
): Promise<void> {
  const operator = await Operator.open(await requireLocalCluster(data));
  const { resetCode: code, expireTime } = await operator.anywhere((node) =>
    node.issueResetCode({ userId }),
  );
  const until = expireTime === undefined ? "" : timestampDate(expireTime).toISOString();
  if (output === "json") {
    print(JSON.stringify({ resetCode: code, expireTime: until }));
    return;
  }
  print(code);
  if (until !== "") print(`good once, until ${until}`);
}

/** Of an id, or of the name itself, as other commands and the audit trail write it. */
const nameOfUser = (id: string): string => (id.startsWith("users/") ? id : `users/${id}`);

const connect = () => openCabildo(currentSession());

function show(user: User, { output }: UserOptions): void {
  if (output === "json") {
    print(JSON.stringify(toJson(UserSchema, user), null, 2));
    return;
  }
  const { name, displayName, email, timeZone, state, clusterRoles } = user;
  const cells = [name.slice("users/".length), displayName, email, timeZone, nameOf(state)];
  const head = ["user", "name", "email", "zone", "state", "roles"];
  print(formatTable(head, [[...cells, clusterRoles.join(" ")]]));
}

function nameOf(state: UserState): string {
  return state === UserState.DISABLED ? "disabled" : "active";
}
