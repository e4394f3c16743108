/** Does one thing that nobody should to a port, over several connections at a time, until it is ended: `PORT CA-FILE WHAT`. */
import { readFileSync } from "node:fs";
import { HANDSHAKES } from "../../support/hostile/handshakes.js";
import { HTTP_ABUSES } from "../../support/hostile/http.js";
import { ended } from "../../support/hostile/sockets.js";
import { FRAMES, REQUESTS, UNREAD, UPGRADES } from "../../support/hostile/websocket.js";

const CONNECTIONS = 8;
/** Who is refused at once comes again, but no machine's loopback is to be measured. */
const PAUSE_MS = 10;

const [port, ca = "", what = ""] = process.argv.slice(2);
const all = { ...HANDSHAKES, ...HTTP_ABUSES, ...UPGRADES, ...REQUESTS, ...FRAMES, ...UNREAD };
const abuse = all[what];
if (abuse === undefined) throw new Error(`${what} is nothing that is done`);
const target = { port: Number(port), ca: readFileSync(ca) };
for (let i = 0; i < CONNECTIONS; i += 1) void again();

async function again(): Promise<void> {
  for (;;) {
    await abuse?.(target).then(ended, () => undefined);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
