import { crc32 } from "node:zlib";
import { expect } from "chai";
import { Client, credentials } from "@grpc/grpc-js";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  InstallSnapshotRequestSchema,
  RaftService,
  type InstallSnapshotResponse,
} from "../../gen/cabildo/raft/v1/raft_pb.js";
import type { SnapshotRow } from "../../src/runtime/index.js";
import {
  channelOptions,
  encodeHello,
  encodeSnapshotRows,
  serviceDefinition,
} from "../../src/wire/index.js";
import { createTestAuthority, type TestAuthority } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import { openNodes, sourceOf, type TestNode } from "./support.js";

const row = (i: number, bytes: number): SnapshotRow => ({
  key: new TextEncoder().encode(`key-${i}`),
  value: new Uint8Array(bytes).fill(i % 251),
});

describe("a snapshot between two nodes", () => {
  let authority: TestAuthority;
  let nodes: readonly TestNode[] = [];
  let ana: TestNode;
  let bo: TestNode;
  const failed: string[] = [];
  const declined: number[] = [];

  before(async () => {
    authority = await createTestAuthority();
  });

  beforeEach(async () => {
    failed.length = 0;
    declined.length = 0;
    nodes = await openNodes(authority, ["ana", "bo"], {
      snapshotFailed: (_node, _shard, reason) => failed.push(reason),
      snapshotDeclined: (_node, shard) => declined.push(shard),
    });
    const [first, second] = nodes;
    if (first === undefined || second === undefined) throw new Error("two nodes were opened");
    [ana, bo] = [first, second];
    for (const node of nodes) node.network.start(node.listener);
  });

  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()));
  });

  const send = (slices: readonly (readonly SnapshotRow[])[]) =>
    ana.network.transport.sendSnapshot("bo", {
      shard: 4,
      from: 262145,
      to: 262146,
      term: 6,
      source: sourceOf(slices),
      pace: () => Promise.resolve(),
    });

  it("arrives with all its rows in order, whatever the slices", async () => {
    const rows = Array.from({ length: 60 }, (_, i) => row(i, i * 1000));
    const slices = [rows.slice(0, 1), [], rows.slice(1, 50), rows.slice(50)];
    expect(await send(slices)).to.equal(true);
    expect(bo.listener.sinks[0]?.written).to.deep.equal(rows);
    const [incoming] = bo.listener.finished;
    expect(incoming).to.deep.include({
      shard: 4,
      from: 262145,
      to: 262146,
      term: 6,
      index: 90,
      indexTerm: 4,
    });
    expect(incoming?.confState.voters).to.deep.equal([65537, 65538, 65539]);
  });

  it("goes on where the receiver already has rows of the same state", async () => {
    const rows = Array.from({ length: 20 }, (_, i) => row(i, 10));
    bo.listener.sinkRows = rows.slice(0, 12);
    expect(await send([rows.slice(0, 7), rows.slice(7)])).to.equal(true);
    expect(bo.listener.sinks[0]?.written).to.deep.equal(rows);
  });

  it("says of what came when it broke off that it is sound", async () => {
    const sound: boolean[] = [];
    bo.listener.abandonSnapshot = async (_incoming, _sink, isSound) => {
      sound.push(isSound);
    };
    const source = sourceOf([]);
    let asked = 0;
    const pace = () => (asked === 1 ? Promise.resolve() : Promise.reject(new Error("cut")));
    source.next = async () => {
      asked++;
      if (asked === 2) await eventually(() => bo.listener.sinks[0]?.rows === 1);
      return [row(asked, 1)];
    };
    const call = { shard: 4, from: 1, to: 2, term: 6, source, pace };
    expect(await ana.network.transport.sendSnapshot("bo", call)).to.equal(false);
    await eventually(() => sound.length > 0);
    expect(sound).to.deep.equal([true]);
  });

  it("is refused where the receiver wants none", async () => {
    bo.listener.beginSnapshot = async () => undefined;
    expect(await send([[row(1, 1)]])).to.equal(false);
    expect(declined).to.deep.equal([4]);
    expect(failed).to.deep.equal([]);
  });

  it("is installed though the sender hung up before its last chunk was written", async () => {
    const begin = bo.listener.beginSnapshot.bind(bo.listener);
    bo.listener.beginSnapshot = async () => {
      const sink = await begin();
      const write = sink?.write.bind(sink);
      if (sink !== undefined) {
        sink.write = async (rows) => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          await write?.(rows);
        };
      }
      return sink;
    };
    for (let transfer = 0; transfer < 20; transfer++) {
      expect(await send([[row(1, 1)], [row(2, 2)]])).to.equal(true);
    }
    expect(failed).to.deep.equal([]);
  });

  it("fails when the receiver's disk does, and leaves nothing there", async () => {
    const begin = bo.listener.beginSnapshot.bind(bo.listener);
    bo.listener.beginSnapshot = async () => {
      const sink = await begin();
      if (sink !== undefined) sink.write = () => Promise.reject(new Error("disk"));
      return sink;
    };
    expect(await send([[row(1, 1)], [row(2, 2)]])).to.equal(false);
    await eventually(() => bo.listener.sinks[0]?.discarded);
    expect(bo.listener.finished).to.deep.equal([]);
  });

  it("leaves no faster than it is let", async () => {
    const asked: number[] = [];
    let release = (): void => undefined;
    const pace = (bytes: number) => {
      asked.push(bytes);
      return asked.length === 1 ? Promise.resolve() : new Promise<void>((go) => (release = go));
    };
    const source = sourceOf([[row(1, 1000)], [row(2, 1000)]]);
    const call = { shard: 4, from: 1, to: 2, term: 6, source, pace };
    const sent = ana.network.transport.sendSnapshot("bo", call);
    await eventually(() => asked.length === 2);
    await eventually(() => bo.listener.sinks[0]?.rows === 1);
    expect(asked[0]).to.be.at.least(1000);
    release();
    expect(await sent).to.equal(true);
    expect(bo.listener.sinks[0]?.rows).to.equal(2);
  });

  it("is discarded when its sender dies on the way", async () => {
    const source = sourceOf([[row(1, 1)]]);
    let asked = 0;
    source.next = () =>
      asked++ === 0 ? Promise.resolve([row(1, 1)]) : new Promise(() => undefined);
    const pace = () => Promise.resolve();
    const call = { shard: 4, from: 1, to: 2, term: 6, source, pace };
    const sent = ana.network.transport.sendSnapshot("bo", call);
    await eventually(() => bo.listener.sinks[0]?.rows === 1);
    await ana.network.transport.close();
    await eventually(() => bo.listener.sinks[0]?.discarded);
    expect(bo.listener.finished).to.deep.equal([]);
    await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, 20))]);
  });

  describe("from a sender that is wrong", () => {
    type Part = MessageInitShape<typeof InstallSnapshotRequestSchema>["part"];
    const rows = encodeSnapshotRows([row(1, 5)]);
    const header = (): Part => ({
      case: "header",
      value: { hello: encodeHello(ana.listener.hello()), route: { shard: 4 }, confState: {} },
    });

    /** Sends these parts as ana and gives the text of the refusal. */
    const refusalOf = async (parts: readonly Part[]): Promise<string> => {
      const client = new Client(
        bo.address,
        credentials.createSsl(ana.tls.ca, ana.tls.key, ana.tls.cert),
        channelOptions("bo"),
      );
      const { path, requestSerialize, responseDeserialize } =
        serviceDefinition(RaftService).installSnapshot;
      const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
      const text = await new Promise<string>((resolve) => {
        stream.on("data", (_: InstallSnapshotResponse) => undefined);
        stream.on("error", (error) => resolve(error.message));
        for (const part of parts) {
          stream.write(create(InstallSnapshotRequestSchema, part === undefined ? {} : { part }));
        }
      });
      client.close();
      return text;
    };

    it("is aborted at a chunk that fails its checksum", async () => {
      const bad: Part = { case: "chunk", value: { offset: 0n, rows, checksum: 12 } };
      expect(await refusalOf([header(), bad])).to.match(/^3 INVALID_ARGUMENT.*checksum/u);
      await eventually(() => bo.listener.sinks[0]?.discarded);
      expect(bo.listener.finished).to.deep.equal([]);
    });

    it("is dropped when it stalls, and with it what came", async () => {
      await Promise.all(nodes.map((node) => node.close()));
      nodes = await openNodes(authority, ["ana", "bo"], {}, { snapshotStallMs: 50 });
      const [, receiver] = nodes;
      if (receiver === undefined) throw new Error("two nodes were opened");
      bo = receiver;
      bo.network.start(bo.listener);
      const chunk: Part = { case: "chunk", value: { offset: 0n, rows, checksum: crc32(rows) } };
      expect(await refusalOf([header(), chunk])).to.match(/^1 CANCELLED.*nothing came/u);
      await eventually(() => bo.listener.sinks[0]?.discarded);
      expect(bo.listener.sinks[0]?.rows).to.equal(1);
      expect(bo.listener.finished).to.deep.equal([]);
    });

    it("is aborted at a chunk that leaves rows out", async () => {
      const bad: Part = { case: "chunk", value: { offset: 3n, rows, checksum: 0 } };
      expect(await refusalOf([header(), bad])).to.match(/^3 INVALID_ARGUMENT.*expected 0/u);
      await eventually(() => bo.listener.sinks[0]?.discarded);
    });

    it("is refused without a header, twice with one, and with nothing", async () => {
      const chunk: Part = { case: "chunk", value: { offset: 0n, rows, checksum: 0 } };
      expect(await refusalOf([chunk])).to.match(/^3 INVALID_ARGUMENT/u);
      expect(await refusalOf([header(), header()])).to.match(/^3 INVALID_ARGUMENT/u);
      expect(await refusalOf([undefined])).to.match(/^3 INVALID_ARGUMENT/u);
    });
  });
});
