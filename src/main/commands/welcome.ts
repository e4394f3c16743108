import { relative } from "node:path";
import type { Colors } from "../colors.js";
import { DATA_DIR } from "../command-line-parts.js";
import type { Ready } from "../ready-file.js";

const HOUR_MS = 3_600_000;

/** What somebody who has just started a cluster wants to know. */
export function welcome(ready: Ready, colors: Colors): string {
  const here = (path: string): string => relative(process.cwd(), path) || ".";
  const path = here(process.argv[1] ?? "cabildo");
  const cabildo = path.startsWith("..") ? "cabildo" : path;
  const data = relative(DATA_DIR, ready.dataDir) === "" ? "" : ` --data ${here(ready.dataDir)}`;
  const soon = new Date(Date.now() + HOUR_MS).toISOString().slice(0, "2026-12-01T10".length);
  const further = ready.metrics.length - 1;
  const demo =
    ready.demo === undefined
      ? ""
      : `  demo     ${colors.cyan(ready.demo)}   see it, and kill its leaders\n`;
  return `
${colors.bold(colors.green("The cluster serves."))} Ctrl-C stops it; its data stays in ${here(ready.dataDir)}.

  API      ${colors.cyan(ready.api)}   gRPC, gRPC-Web, Connect and REST
  live     ${colors.cyan(ready.wss)}
${demo}  metrics  ${colors.cyan(ready.metrics[0]?.url ?? "")}   and ${further} more, see ${here(ready.dataDir)}/ready.json

From here to the first push, in other terminals:

  ${cabildo} login ana --register${data}
  ${cabildo} watch ana
  ${cabildo} event create "Lunch" --start ${soon}:00Z

Who leads which shard:          ${cabildo} status${data}
To be the first administrator:  ${cabildo} login admin --register --admin-credential ${here(ready.adminCredential)}${data}
`;
}
