import { expect } from "chai";
import { eventually } from "../support/eventually.js";
import { freeBasePort } from "../support/free-ports.js";
import { testCertificate } from "./support/certificate.js";
import { ConnectingThread } from "./support/connecting-thread.js";
import { leaveOutWhereMissing, TRANSPORTS } from "./support/over.js";
import { start } from "./support/start.js";

const TURNS = 6;
const CONNECTIONS = 10;

for (const kind of TRANSPORTS) {
  describe(`a fan-out over ${kind} that shows a new certificate`, () => {
    leaveOutWhereMissing(kind);

    it("serves those who connect while it is busy with it", async () => {
      // A port that the system chooses is not shared.
      const { fanout, port } = await start(kind, { port: await freeBasePort() });
      const thread = new ConnectingThread(port, testCertificate());
      thread.connect(1);
      let turns = 0;
      const turn = (): void => {
        thread.connect(CONNECTIONS);
        if ((turns += 1) < TURNS) setImmediate(turn);
      };
      setImmediate(turn);
      await fanout.renewTls(testCertificate());
      await eventually(() => turns === TURNS);
      await eventually(() => thread.outcomes.length === 1 + TURNS * CONNECTIONS);
      expect(thread.outcomes.filter((outcome) => outcome !== "served")).to.deep.equal([]);
      await thread.close();
      await fanout.close();
    });
  });
}
