import type { Command } from "commander";
import { besideContext, contextPath } from "../client/context-file.js";
import { currentSession } from "../client/current-session.js";
import { print } from "../command-line-parts.js";
import { writeFileAtomic } from "../files.js";

export function addEnv(program: Command): void {
  program
    .command("env")
    .description("print the shell variables that let curl and grpcurl call as you")
    .addHelpText(
      "after",
      `
Example:
  eval "$(cabildo env)"
  curl $CABILDO_CURL $CABILDO_API/v1/calendars/ana/events
  grpcurl $CABILDO_GRPCURL -d '{"parent":"calendars/ana"}' \\
    $CABILDO_HOST cabildo.v1.EventService/ListEvents

The token in it ends after a few minutes: run it again then.`,
    )
    .action(printEnv);
}

async function printEnv(): Promise<void> {
  const path = contextPath();
  const { api, wss, ca, accessToken } = await currentSession(path).context();
  const curl = besideContext(path, "curl.conf");
  const bearer = `Bearer ${accessToken}`;
  const lines = [`cacert = "${ca}"`, `header = "authorization: ${bearer}"`];
  await writeFileAtomic(curl, `${lines.join("\n")}\n`, 0o600);
  const variables = {
    CABILDO_API: api,
    CABILDO_HOST: hostOf(api),
    CABILDO_WSS: wss,
    CABILDO_CA: ca,
    CABILDO_TOKEN: accessToken,
    CABILDO_AUTHORIZATION: bearer,
    CABILDO_CURL: `--config ${curl}`,
    // The header has a space: grpcurl itself puts it in, so that the variable works without quotes.
    CABILDO_GRPCURL: `-cacert ${ca} -expand-headers -H authorization:\${CABILDO_AUTHORIZATION}`,
  };
  for (const [name, value] of Object.entries(variables)) {
    print(`export ${name}=${quote(value)}`);
  }
}

function hostOf(api: string): string {
  const { hostname, port } = new URL(api);
  return `${hostname}:${port === "" ? "443" : port}`;
}

/** For a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
