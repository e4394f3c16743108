import { readFileSync } from "node:fs";
import path from "node:path";
import { create } from "@bufbuild/protobuf";
import type { Client, ClientDuplexStream } from "@grpc/grpc-js";
import { expect } from "chai";
import {
  ExecuteRequestSchema,
  ShardService,
  type ExecuteRequest,
  type ExecuteResponse,
} from "../../gen/cabildo/shard/v1/shard_pb.js";
import { serviceDefinition } from "../../src/wire/index.js";
import { eventually } from "../support/eventually.js";
import { ExtraNode } from "../support/extra-node.js";
import { listTitles } from "../support/failover-story.js";
import { dialNode } from "../support/node-caller.js";
import { RetryingWriter, writesGoOn } from "../support/retrying-writer.js";
import { operate, runCabildo } from "../support/run-cabildo.js";
import { UpCluster } from "../support/up-cluster.js";

/** Of the ports that a cluster reserves for itself. */
const PORT_OFFSET = 70;
const SHARD = "events-am";
const DEADLINE_MS = 30_000;
/** What a call that asks for nothing is answered once it is known who asks. */
const HEARD = /INVALID_ARGUMENT: a call without an operation/u;

describe("a shard of a cluster with one replica a node, under load", function () {
  this.timeout(300_000);
  let cluster: UpCluster;
  let writers: readonly RetryingWriter[] = [];
  let members = ["events-am-1", "events-am-2", "events-am-3"];
  const started: ExtraNode[] = [];
  const clients: Client[] = [];

  before(async () => {
    cluster = await UpCluster.start({ layout: "seed", extra: ["--no-restart"] });
    const people = [await cluster.person("ana"), await cluster.person("zoe")];
    // What is written in one shard is for another one, too.
    writers = people.map((person) => {
      const others = people.filter((other) => other !== person);
      const invited = others.map(({ user }) => `users/${user}`);
      return new RetryingWriter(person, person.user, invited, DEADLINE_MS);
    });
    for (const writer of writers) writer.start();
  });

  after(async () => {
    for (const client of clients) client.close();
    await Promise.all(writers.map((writer) => writer.stop()));
    for (const node of started) await node.end();
    await cluster.stop();
  });

  const join = async (name: string): Promise<void> => {
    const port = cluster.basePort + PORT_OFFSET + 2 * started.length;
    started.push(await ExtraNode.join(cluster, name, port, [SHARD]));
    await eventually(async () => (await replicas()).some(({ node }) => node === name), {
      what: `${name} to follow`,
    });
  };
  const shard = async () => {
    const found = (await cluster.status()).shards.find(({ name }) => name === SHARD);
    if (found === undefined) throw new Error(`no shard ${SHARD}`);
    return found;
  };
  const replicas = async () => (await shard()).replicas;
  const votes = (names: readonly string[]) =>
    eventually(
      async () => {
        const voters = (await replicas()).filter(({ learner }) => !learner);
        return (
          voters.length === names.length &&
          voters.every(({ node, reachable }) => names.includes(node) && reachable)
        );
      },
      { what: `${names.join(", ")} to vote` },
    );

  /** What a node of another shard answers to a stream of calls with this node's certificate. */
  const calls = async (name: string, node: string): Promise<string> => {
    const { dataDir, nodes } = cluster.ready;
    const read = (file: string) => readFileSync(path.join(dataDir, "certs", file));
    const tls = { ca: read("ca.pem"), cert: read(`${name}.pem`), key: read(`${name}-key.pem`) };
    const address = nodes.find((one) => one.name === node)?.address ?? "";
    const client = dialNode(tls, address, node);
    clients.push(client);
    const {
      path: method,
      requestSerialize,
      responseDeserialize,
    } = serviceDefinition(ShardService).execute;
    const stream: ClientDuplexStream<ExecuteRequest, ExecuteResponse> =
      client.makeBidiStreamRequest(method, requestSerialize, responseDeserialize);
    const heard = new Promise<string>((resolve) => {
      stream.on("data", () => resolve("an answer"));
      stream.on("error", ({ message }) => resolve(message));
    });
    stream.write(create(ExecuteRequestSchema, { calls: [{ id: 1n }] }));
    const answer = await heard;
    stream.cancel();
    return answer;
  };

  it("gets a new node for one that died, which is then refused by nodes that it never had to do with", async () => {
    const dead = (await shard()).leader;
    expect(await calls(dead, "groups-1")).to.match(HEARD);
    await cluster.kill(dead);
    await join("events-am-4");
    await operate(cluster, "replica", "replace", dead, "events-am-4");
    members = [...members.filter((name) => name !== dead), "events-am-4"];
    await votes(members);
    await writesGoOn(writers);
    for (const node of ["groups-1", "events-nz-2", "users-3", members[0] ?? ""]) {
      await eventually(async () => /is no member of this cluster/u.test(await calls(dead, node)), {
        what: `${dead} to be refused by ${node}`,
      });
    }
    // Who took its place is heard.
    expect(await calls("events-am-4", "groups-1")).to.match(HEARD);
  });

  it("grows to five, works on when two of them die, and shrinks to three without those", async () => {
    const added = ["events-am-5", "events-am-6"];
    for (const name of added) {
      await join(name);
      await eventually(
        async () => {
          const args = ["replica", "promote", SHARD, name, "--data", cluster.ready.dataDir];
          return (await runCabildo(...args)).code === 0;
        },
        { what: `${name} to have caught up` },
      );
    }
    await votes([...members, ...added]);
    await writesGoOn(writers);
    const formed = members.filter((name) => name !== "events-am-4");
    for (const name of formed) await cluster.kill(name);
    await writesGoOn(writers);
    for (const name of formed) await operate(cluster, "replica", "remove", SHARD, name);
    await votes(["events-am-4", ...added]);
    await writesGoOn(writers);
  });

  it("has lost nothing of it, and all replicas agree", async () => {
    await Promise.all(writers.map((writer) => writer.stop()));
    const compared: unknown = JSON.parse(
      await operate(cluster, "shard", "hash", SHARD, "-o", "json"),
    );
    expect(compared).to.have.property("equal", true);
    expect(compared).to.have.property("nodes").with.lengthOf(3);
    const ana = await cluster.signIn("ana");
    const written = writers.flatMap((writer) => writer.written.map(({ title }) => title)).sort();
    // Invitations of the last ones may still be on their way.
    await eventually(async () => (await listTitles(ana)).length >= written.length, {
      what: "every invitation to arrive",
    });
    expect((await listTitles(ana)).sort()).to.deep.equal(written);
    const longest = Math.max(...writers.map(({ longestWaitMs }) => longestWaitMs));
    console.log(`      ${written.length} events written, the slowest in ${Math.round(longest)} ms`);
  });
});
