/**
 * Runs Connect's conformance suite against the edge, with the short way on and off: `node run.js [on|off]`. Needs
 * `connectconformance` (go install connectrpc.com/conformance/cmd/connectconformance@v1.0.7).
 */
import { isSuiteInstalled, judgeEdge } from "./suite.js";

if (!(await isSuiteInstalled())) {
  console.error("connectconformance is not installed: see test/edge/run.ts");
  process.exit(2);
}
let failed = false;
for (const shortWay of process.argv[2] === undefined ? ["on", "off"] : [process.argv[2]]) {
  const { ok, text } = await judgeEdge(shortWay);
  console.log(`short way ${shortWay}:\n${text}`);
  failed ||= !ok;
}
process.exit(failed ? 1 : 0);
