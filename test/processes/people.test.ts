import { runningCluster } from "../support/running-cluster.js";
import { clientLibrary } from "./people/client-library.js";
import { commandLine } from "./people/command-line.js";
import { demoPage } from "./people/demo.js";
import { liveChannels } from "./people/live-channels.js";
import { documentAlone } from "./people/openapi.js";
import { fromCallToPush } from "./people/path.js";
import { noSecretIsTold } from "./people/secrets.js";

describe("people with a running cluster", () => {
  const log: string[] = [];
  const cluster = runningCluster({
    extra: ["--demo", "--fanouts", "2", "--log-level", "debug"],
    log: (line) => log.push(line),
  });
  commandLine(cluster);
  fromCallToPush(cluster);
  documentAlone(cluster);
  liveChannels(cluster, log);
  clientLibrary(cluster);
  noSecretIsTold(cluster, log);
  demoPage(cluster);
});
