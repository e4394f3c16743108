import { expect } from "chai";
import { Client, credentials, type ChannelCredentials } from "@grpc/grpc-js";
import { create } from "@bufbuild/protobuf";
import {
  AppendEntriesRequestSchema,
  RaftService,
  RequestVoteRequestSchema,
} from "../../gen/cabildo/raft/v1/raft_pb.js";
import { parseIdentity } from "../../src/base/index.js";
import { encodeHello, serviceDefinition } from "../../src/wire/index.js";
import { createTestAuthority, type TestAuthority, type TestTls } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import { callUnary, refusalOf } from "../support/node-caller.js";
import { CLUSTER, openNodes, RecordingListener, type TestNode } from "./support.js";

const RAFT = serviceDefinition(RaftService);

describe("a node's Raft port", () => {
  let authority: TestAuthority;
  let nodes: readonly TestNode[];
  let bo: TestNode;
  const clients: Client[] = [];

  before(async () => {
    authority = await createTestAuthority();
    nodes = await openNodes(authority, ["bo"]);
    const [first] = nodes;
    if (first === undefined) throw new Error("a node was opened");
    bo = first;
    bo.network.start(bo.listener);
  });

  after(async () => {
    for (const client of clients) client.close();
    await Promise.all(nodes.map((node) => node.close()));
  });

  const hello = (node: string) => encodeHello(new RecordingListener(node).hello());

  const dial = (channel: ChannelCredentials): Client => {
    const client = new Client(bo.address, channel, { "grpc.ssl_target_name_override": "bo" });
    clients.push(client);
    return client;
  };

  const dialAs = ({ ca, key, cert }: TestTls) => dial(credentials.createSsl(ca, key, cert));

  /** Speaks `first` on an AppendEntries stream and gives the text of the refusal. */
  const streamRefusal = (client: Client, name = "ana", bytes?: Buffer): Promise<string> =>
    new Promise((resolve) => {
      const { path, requestSerialize, responseDeserialize } = RAFT.appendEntries;
      const first = requestSerialize(create(AppendEntriesRequestSchema, { hello: hello(name) }));
      const asIs = (sent: Buffer) => sent;
      const stream = client.makeBidiStreamRequest(path, asIs, responseDeserialize);
      stream.on("data", () => {
        if (bytes === undefined) resolve("admitted");
      });
      stream.on("error", (error) => resolve(error.message));
      stream.write(first);
      if (bytes !== undefined) stream.write(bytes);
    });

  it("admits a node by its own name", async () => {
    const client = dialAs(await authority.process(CLUSTER, "node", "ana"));
    expect(await streamRefusal(client)).to.equal("admitted");
  });

  it("refuses a node that says it is another", async () => {
    const client = dialAs(await authority.process(CLUSTER, "node", "mallory"));
    expect(await streamRefusal(client)).to.match(/^7 PERMISSION_DENIED/u);
  });

  for (const role of ["coordinator", "fanout", "operator"]) {
    it(`refuses a certificate of role ${role}`, async () => {
      const client = dialAs(await authority.process(CLUSTER, role, "ana"));
      expect(await streamRefusal(client)).to.match(/^7 PERMISSION_DENIED/u);
    });
  }

  it("refuses a node of another cluster", async () => {
    const client = dialAs(await authority.process("elsewhere", "node", "ana"));
    expect(await streamRefusal(client)).to.match(/^7 PERMISSION_DENIED/u);
  });

  it("refuses certificates without an identity, or with two", async () => {
    const uri = `cabildo://${CLUSTER}/node/ana`;
    for (const uris of [[], [uri, `cabildo://${CLUSTER}/node/bo`], [`${uri}/more`]]) {
      expect(await streamRefusal(dialAs(await authority.issue(uris)))).to.match(
        /^16 UNAUTHENTICATED/u,
      );
    }
  });

  it("refuses a certificate of another authority", async () => {
    const other = await createTestAuthority();
    const { key, cert } = await other.process(CLUSTER, "node", "ana");
    const client = dialAs({ ca: authority.ca, key, cert });
    expect(await streamRefusal(client)).to.match(/^14 UNAVAILABLE/u);
  });

  it("refuses callers without a certificate, and those without TLS", async () => {
    const bare = dial(credentials.createSsl(authority.ca));
    expect(await streamRefusal(bare)).to.match(/^14 UNAVAILABLE/u);
    expect(await streamRefusal(dial(credentials.createInsecure()))).to.match(/^14 UNAVAILABLE/u);
  });

  it("answers bytes that are no protobuf with INVALID_ARGUMENT and lives on", async () => {
    const client = dialAs(await authority.process(CLUSTER, "node", "ana"));
    const junk = Buffer.from([0xff, 0xff, 0xff, 1, 2, 3]);
    expect(await streamRefusal(client, "ana", junk)).to.match(/^3 INVALID_ARGUMENT/u);
    expect(await streamRefusal(client)).to.equal("admitted");
  });

  it("refuses a term after which it could not campaign", async () => {
    const client = dialAs(await authority.process(CLUSTER, "node", "ana"));
    const route = { shard: 1, from: 1, to: 2, term: 2n ** 53n - 1n };
    const frame = create(AppendEntriesRequestSchema, { heartbeats: [{ route }] });
    const bytes = RAFT.appendEntries.requestSerialize(frame);
    expect(await streamRefusal(client, "ana", bytes)).to.match(/^3 INVALID_ARGUMENT/u);
  });

  it("answers a number that it cannot hold with INVALID_ARGUMENT", async () => {
    const client = dialAs(await authority.process(CLUSTER, "node", "ana"));
    const route = { shard: 1, from: 1, to: 2, term: 2n ** 60n };
    const heartbeats = [{ route, commit: 0n, readRound: 0n }];
    const frame = create(AppendEntriesRequestSchema, { heartbeats });
    const bytes = RAFT.appendEntries.requestSerialize(frame);
    expect(await streamRefusal(client, "ana", bytes)).to.match(/^3 INVALID_ARGUMENT/u);
    expect(bo.listener.messages).to.deep.equal([]);
  });

  it("checks the first words of a vote too", async () => {
    const client = dialAs(await authority.process(CLUSTER, "node", "mallory"));
    const route = { shard: 1, from: 1, to: 2, term: 3n };
    const ask = (request: Parameters<typeof RAFT.requestVote.requestSerialize>[0]) =>
      refusalOf(callUnary(client, RAFT.requestVote, request));
    const asAna = create(RequestVoteRequestSchema, { hello: hello("ana"), route });
    expect(await ask(asAna)).to.match(/^7 PERMISSION_DENIED/u);
    const silent = create(RequestVoteRequestSchema, { route });
    expect(await ask(silent)).to.match(/^3 INVALID_ARGUMENT/u);
    expect(bo.listener.messages).to.deep.equal([]);
  });

  it("is not spoken to where its certificate bears another name", async () => {
    const [ana] = await openNodes(authority, ["ana"]);
    if (ana === undefined) throw new Error("a node was opened");
    const reasons: string[] = [];
    const { createPeerTransport } = await import("../../src/peer/index.js");
    const network = createPeerTransport({
      node: "ana",
      clusterName: CLUSTER,
      peers: [{ name: "carla", address: bo.address }],
      tls: ana.tls,
      observer: { disconnected: (_, reason) => reasons.push(reason) },
    });
    const listener = new RecordingListener("ana");
    network.start(listener);
    await eventually(() => reasons.length > 0);
    expect(listener.greeted).to.deep.equal([]);
    await network.transport.close();
    await ana.close();
  });
});

describe("the identity in a certificate", () => {
  it("is the one URI of ours among its names", () => {
    expect(
      parseIdentity("DNS:localhost, URI:cabildo://agora/fanout/f-1, IP Address:127.0.0.1"),
    ).to.deep.equal({ cluster: "agora", role: "fanout", name: "f-1" });
  });

  for (const names of [
    "",
    "DNS:localhost",
    "URI:cabildo://agora/king/f-1",
    "URI:cabildo://agora/node/",
    "URI:cabildo://agora/node/a/b",
    "URI:cabildo://agora/node/A",
    "URI:https://agora/node/a",
    "URI:cabildo://agora/node/a, URI:cabildo://agora/node/b",
    "URI:cabildo://agora/node/a, URI:https://example.org",
    'DNS:"x, URI:cabildo://agora/node/a"',
    'DNS:"x, URI:cabildo://agora/node/a, y"',
  ]) {
    it(`is none in ${JSON.stringify(names)}`, () => {
      expect(parseIdentity(names)).to.equal(undefined);
    });
  }
});
