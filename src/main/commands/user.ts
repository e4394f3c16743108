import { toJson } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { UserSchema, UserState } from "../../../gen/cabildo/v1/users_pb.js";
import type { User } from "../../../gen/cabildo/v1/users_pb.js";
import { openCabildo } from "../client/api.js";
import { currentSession } from "../client/current-session.js";
import { OUTPUT_OPTION, print } from "../command-line-parts.js";
import type { Output } from "../command-line-parts.js";
import { formatTable } from "../table.js";

interface UserOptions {
  readonly output: Output;
}

export function addUser(program: Command): void {
  const user = program.command("user").description("see users, and let them in or not");
  const add = (name: string, description: string): Command =>
    user
      .command(name)
      .description(description)
      .argument("<user>", "such as ana")
      .addOption(OUTPUT_OPTION)
      .addHelpText("after", `\nExample:\n  cabildo user ${name} ana`);
  add("get", "show a user").action(async (id: string, options: UserOptions) => {
    show(await (await connect()).users.getUser({ name: `users/${id}` }), options);
  });
  add("disable", "end the sessions of a user, and let no new one begin").action(
    async (id: string, options: UserOptions) => {
      show(await (await connect()).users.disableUser({ name: `users/${id}` }), options);
    },
  );
  add("enable", "let a disabled user in again").action(async (id: string, options: UserOptions) => {
    show(await (await connect()).users.enableUser({ name: `users/${id}` }), options);
  });
}

const connect = () => openCabildo(currentSession());

function show(user: User, { output }: UserOptions): void {
  if (output === "json") {
    print(JSON.stringify(toJson(UserSchema, user), null, 2));
    return;
  }
  const { name, displayName, email, timeZone, state } = user;
  const cells = [name.slice("users/".length), displayName, email, timeZone, nameOf(state)];
  print(formatTable(["user", "name", "email", "zone", "state"], [cells]));
}

function nameOf(state: UserState): string {
  return state === UserState.DISABLED ? "disabled" : "active";
}
