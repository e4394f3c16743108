import { runningCluster } from "../support/running-cluster.js";
import { clientLibrary } from "./people/client-library.js";
import { commandLine } from "./people/command-line.js";
import { demoPage } from "./people/demo.js";
import { documentAlone } from "./people/openapi.js";
import { fromCallToPush } from "./people/path.js";

describe("people with a running cluster", () => {
  const cluster = runningCluster({ extra: ["--demo", "--fanouts", "2"] });
  commandLine(cluster);
  fromCallToPush(cluster);
  documentAlone(cluster);
  clientLibrary(cluster);
  demoPage(cluster);
});
