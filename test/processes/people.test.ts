import { runningCluster } from "../support/running-cluster.js";
import { clientLibrary } from "./people/client-library.js";
import { commandLine } from "./people/command-line.js";
import { demoPage } from "./people/demo.js";
import { liveChannels } from "./people/live-channels.js";
import { documentAlone } from "./people/openapi.js";
import { fromCallToPush } from "./people/path.js";

describe("people with a running cluster", () => {
  const listening: string[] = [];
  const cluster = runningCluster({
    extra: ["--demo", "--fanouts", "2", "--log-level", "info"],
    log: (line) => {
      if (line.includes(" listening ")) listening.push(line);
    },
  });
  commandLine(cluster);
  fromCallToPush(cluster);
  documentAlone(cluster);
  liveChannels(cluster, listening);
  clientLibrary(cluster);
  demoPage(cluster);
});
