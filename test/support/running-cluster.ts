import { UpCluster, type UpOptions } from "./up-cluster.js";

const START_MS = 120_000;

/**
 * One cluster for all parts of a suite, each of which has people of its own and leaves it whole: to start one takes longer than
 * most parts.
 */
export function runningCluster(options: UpOptions = {}): () => UpCluster {
  let cluster: UpCluster | undefined;
  before(async function () {
    this.timeout(START_MS);
    cluster = await UpCluster.start(options);
    await cluster.healthy();
  });
  after(async function () {
    this.timeout(START_MS);
    await cluster?.stop();
  });
  return () => {
    if (cluster === undefined) throw new Error("no cluster was started");
    return cluster;
  };
}
