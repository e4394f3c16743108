import { Code, ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import { LiveClient, errorCode } from "../../fanout/support/live-client.js";
import type { Person, UpCluster } from "../../support/up-cluster.js";

/** A socket on a channel, and a stream of one's own calendar, that nobody but the cluster ends. */
interface Listening {
  readonly socket: LiveClient;
  /** The code with which the stream ends. */
  readonly streamEnded: Promise<Code | undefined>;
}

export function rightsThatEnd(running: () => UpCluster): void {
  describe("whoever listens and loses the right to", function () {
    this.timeout(120_000);
    let cluster: UpCluster;
    let root: Person;
    const sockets: LiveClient[] = [];

    before(async () => {
      cluster = running();
      root = await cluster.administrator();
    });
    after(() => {
      for (const socket of sockets) socket.close();
    });

    async function listen(person: Person, channel: string): Promise<Listening> {
      const { accessToken, user } = person;
      const socket = await LiveClient.with(accessToken, cluster.ready.wss, cluster.ca);
      sockets.push(socket);
      const answer = await socket.ask({ subscribe: { channels: [channel] } });
      expect(errorCode(answer), channel).to.equal(undefined);
      const stream = person.sync.watchChanges({ channel: `calendars/${user}` });
      const iterator = stream[Symbol.asyncIterator]();
      // Where it stands: from here on it hears.
      expect((await iterator.next()).done).to.equal(false);
      return { socket, streamEnded: codeOf(iterator) };
    }

    async function expectEnd({ socket, streamEnded }: Listening, beganMs: number): Promise<void> {
      const after = (): number => Math.round(performance.now() - beganMs);
      const [socketMs, streamMs] = await Promise.all([
        socket.closed().then((code) => {
          expect(code).to.equal(4501);
          return after();
        }),
        streamEnded.then((code) => {
          expect(code).to.equal(Code.Unauthenticated);
          return after();
        }),
      ]);
      console.log(`      socket after ${socketMs} ms, stream after ${streamMs} ms`);
    }

    it("is cut off from socket and stream when an administrator disables the user", async () => {
      const dora = await cluster.person("dora");
      const listening = await listen(dora, "calendars/dora");
      const beganMs = performance.now();
      await root.users.disableUser({ name: "users/dora" });
      await expectEnd(listening, beganMs);
    });

    it("is cut off from the channel of the cluster and from a stream when the role is taken away", async () => {
      await cluster.person("oscar");
      const name = "users/oscar";
      await root.users.setClusterRoles({ name, clusterRoles: ["operator"] });
      const listening = await listen(await cluster.signIn("oscar"), "cluster");
      await listening.socket.find((object) => "push" in object, "the state of the cluster");
      const beganMs = performance.now();
      await root.users.setClusterRoles({ name, clusterRoles: [] });
      await expectEnd(listening, beganMs);
    });
  });
}

async function codeOf(messages: AsyncIterator<unknown>): Promise<Code | undefined> {
  try {
    while ((await messages.next()).done !== true) continue;
    return undefined;
  } catch (cause) {
    return ConnectError.from(cause).code;
  }
}
