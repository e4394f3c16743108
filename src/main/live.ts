/**
 * `node live.js ADDRESS PORT CA`: whether the process whose metrics listen there lives, for containers that are asked so every
 * few seconds. It loads nothing else, and asks for no leader: Swarm tells nobody the address of a replica that is not
 * healthy, so that replicas which waited for a leader would never find each other.
 */
import { readFileSync } from "node:fs";
import { get } from "node:https";
import { ownAddress } from "./own-address.js";

const ANSWER_MS = 4000;

const [address, port, ca] = process.argv.slice(2);
if (address === undefined || port === undefined || ca === undefined) {
  throw new Error("usage: node live.js ADDRESS PORT CA");
}

const request = get(
  {
    host: ownAddress(address),
    servername: "localhost",
    port: Number(port),
    path: "/livez",
    ca: readFileSync(ca),
    timeout: ANSWER_MS,
  },
  ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1),
);
request.on("timeout", () => process.exit(1));
request.on("error", () => process.exit(1));
