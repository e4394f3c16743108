import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { expect } from "chai";
import type { Message } from "../../src/raft/index.js";
import { createTestAuthority, type TestAuthority } from "../support/certificates.js";
import { eventually } from "../support/eventually.js";
import { openNode, openNodes, type TestNode } from "./support.js";

const heartbeat = (term: number): Message => ({
  kind: "heartbeat",
  from: 1,
  to: 2,
  term,
  commit: 5,
  readRound: term,
});

const append = (prevIndex: number, sizes: readonly number[]): Message => ({
  kind: "append",
  from: 1,
  to: 2,
  term: 3,
  prevIndex,
  prevTerm: 2,
  commit: prevIndex,
  entries: sizes.map((size, i) => ({
    term: 3,
    index: prevIndex + 1 + i,
    kind: "normal",
    data: new Uint8Array(size).fill(i),
  })),
});

describe("the peer transport", () => {
  let authority: TestAuthority;
  let nodes: readonly TestNode[] = [];
  let ana: TestNode;
  let bo: TestNode;
  const connected: string[] = [];
  const framed: number[] = [];

  before(async () => {
    authority = await createTestAuthority();
  });

  beforeEach(async () => {
    connected.length = 0;
    framed.length = 0;
    nodes = await openNodes(authority, ["ana", "bo"], {
      connected: (node) => connected.push(node),
      framed: (_, bytes) => framed.push(bytes),
    });
    const [first, second] = nodes;
    if (first === undefined || second === undefined) throw new Error("two nodes were opened");
    [ana, bo] = [first, second];
  });

  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()));
  });

  const start = async () => {
    for (const node of nodes) node.network.start(node.listener);
    await eventually(() => connected.length >= 2);
  };

  it("greets both ways with the store, the boot and the replicas", async () => {
    await start();
    const [hello] = bo.listener.greeted;
    expect(hello).to.deep.include({ node: "ana", storeId: "ana-store", boot: 3 });
    expect(hello?.replicas).to.deep.equal([{ shard: 1, replica: 65537, lastIndex: 42 }]);
    expect(ana.listener.greeted.map(({ node }) => node)).to.deep.equal(["bo", "bo"]);
  });

  it("delivers messages in order and as they were", async () => {
    await start();
    const sent = [append(7, [10, 0, 300]), append(10, [1])];
    for (const message of sent) {
      ana.network.transport.send("bo", [{ shard: 4, message }]);
      await new Promise(setImmediate);
    }
    await eventually(() => bo.listener.messages.length === 2);
    expect(bo.listener.messages).to.deep.equal(sent.map((message) => ({ shard: 4, message })));
  });

  it("sends everything of one turn as one frame", async () => {
    await start();
    for (let i = 1; i <= 50; i++) {
      ana.network.transport.send("bo", [{ shard: i, message: heartbeat(i) }]);
    }
    await eventually(() => bo.listener.messages.length === 50);
    expect(bo.listener.batches).to.have.length(1);
    expect(framed).to.have.length(1);
  });

  it("splits what is above a frame into appends that are valid one after the other", async () => {
    await start();
    const message = append(20, [100_000, 100_000, 100_000, 400_000, 5]);
    ana.network.transport.send("bo", [{ shard: 1, message }]);
    await eventually(
      () => bo.listener.messages.flatMap(entriesOf).length === 5 && bo.listener.messages,
    );
    expect(bo.listener.messages.flatMap(entriesOf)).to.deep.equal(entriesOf({ message }));
    let prevIndex = 20;
    for (const { message: part } of bo.listener.messages) {
      if (part.kind !== "append") throw new Error("an append was sent");
      expect(part.prevIndex).to.equal(prevIndex);
      expect(part.prevTerm).to.equal(prevIndex === 20 ? 2 : 3);
      prevIndex += part.entries.length;
    }
    expect(framed.filter((bytes) => bytes > 256 * 1024)).to.have.length(1);
  });

  it("brings answers back on the stream of the one that asked", async () => {
    await start();
    bo.listener.heard = (from, { shard }) => {
      bo.network.transport.send(from, [
        { shard, message: { kind: "heartbeat-response", from: 2, to: 1, term: 9, readRound: 9 } },
        {
          shard,
          message: {
            kind: "append-response",
            from: 2,
            to: 1,
            term: 9,
            index: 12,
            reject: true,
            hintIndex: 11,
            hintTerm: 8,
          },
        },
      ]);
    };
    ana.network.transport.send("bo", [{ shard: 3, message: heartbeat(9) }]);
    await eventually(() => ana.listener.messages.length === 2);
    expect(ana.listener.messages.map(({ shard, message }) => [shard, message.kind])).to.deep.equal([
      [3, "append-response"],
      [3, "heartbeat-response"],
    ]);
  });

  for (const kind of ["vote", "pre-vote"] as const) {
    it(`answers a ${kind} with what the replica says later`, async () => {
      await start();
      bo.listener.heard = (from, { shard, message }) => {
        setImmediate(() => {
          bo.network.transport.send(from, [
            { shard, message: answerTo(message, kind, message.term === 8) },
          ]);
        });
      };
      for (const term of [7, 8]) {
        const message: Message = {
          kind,
          from: 1,
          to: 2,
          term,
          lastIndex: 30,
          lastTerm: 6,
          transfer: true,
        };
        ana.network.transport.send("bo", [{ shard: 2, message }]);
      }
      await eventually(() => ana.listener.messages.length === 2);
      const answers = ana.listener.messages.map(({ message }) => message);
      expect(answers.every((answer) => answer.kind === `${kind}-response`)).to.equal(true);
      const rejected = answers.map((answer) => ("reject" in answer ? answer.reject : undefined));
      expect(answers.map(({ term }, i) => [term, rejected[i]])).to.have.deep.members([
        [7, false],
        [8, true],
      ]);
      expect(bo.listener.messages.map(({ message }) => message)).to.deep.include({
        kind,
        from: 1,
        to: 2,
        term: 7,
        lastIndex: 30,
        lastTerm: 6,
        transfer: true,
      });
    });
  }

  it("matches a read index by its context, and passes on the order to campaign", async () => {
    await start();
    bo.listener.heard = (from, { shard, message }) => {
      if (message.kind !== "read-index") return;
      const { context } = message;
      const answer = { kind: "read-index-response", from: 2, to: 1, term: 4, context } as const;
      bo.network.transport.send(from, [{ shard, message: { ...answer, index: context * 10 } }]);
    };
    ana.network.transport.send("bo", [
      { shard: 1, message: { kind: "read-index", from: 1, to: 2, term: 0, context: 5 } },
      { shard: 1, message: { kind: "read-index", from: 1, to: 2, term: 0, context: 6 } },
      { shard: 1, message: { kind: "timeout-now", from: 1, to: 2, term: 4 } },
    ]);
    await eventually(() => ana.listener.messages.length === 2);
    const indexes = ana.listener.messages.map(({ message }) =>
      message.kind === "read-index-response" ? [message.context, message.index] : [],
    );
    expect(indexes).to.have.deep.members([
      [5, 50],
      [6, 60],
    ]);
    await eventually(() =>
      bo.listener.messages.some(({ message }) => message.kind === "timeout-now"),
    );
  });

  it("does not speak to a peer that refuses its first words", async () => {
    bo.listener.refusal = "another store was there";
    const reasons: string[] = [];
    connected.length = 0;
    for (const node of nodes) node.network.start(node.listener);
    await eventually(() => bo.listener.greeted.length >= 3 && ana.listener.greeted.length > 0);
    ana.network.transport.send("bo", [{ shard: 1, message: heartbeat(1) }]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(bo.listener.messages).to.deep.equal([]);
    expect(connected).to.deep.equal([]);
    expect(reasons).to.deep.equal([]);
  });

  it("tells a lost connection from a refused one, and returns when the node does", async () => {
    await start();
    await bo.stopServer();
    await eventually(() => ana.listener.lost.length === 2);
    expect(ana.listener.lost).to.deep.equal([
      { node: "bo", refused: false },
      { node: "bo", refused: true },
    ]);
    connected.length = 0;
    const again = await openNode(bo.network, bo.tls, bo.address);
    try {
      await eventually(() => connected.includes("bo"));
      ana.network.transport.send("bo", [{ shard: 1, message: heartbeat(6) }]);
      await eventually(() => bo.listener.messages.length === 1);
    } finally {
      ana.network.transport.send("bo", []);
      await again.close();
    }
  });

  it("is patient with a peer that answers too late each time", async () => {
    const helloMs = 500;
    const [cai, dan] = await openNodes(
      authority,
      ["cai", "dan"],
      { connected: (node) => connected.push(node) },
      { helloMs },
    );
    if (cai === undefined || dan === undefined) throw new Error("two nodes were opened");
    nodes = [...nodes, cai, dan];
    const slow = await openDoor(dan.address, 2 * helloMs);
    try {
      cai.network.meet({ name: "dan", address: slow.address });
      for (const { network, listener } of [cai, dan]) network.start(listener);
      await eventually(() => connected.includes("dan"));
    } finally {
      slow.close();
    }
  });

  it("dials a stranger when there is something to say", async () => {
    const [cai, dan, eva] = await openNodes(authority, ["cai", "dan", "eva"]);
    if (cai === undefined || dan === undefined || eva === undefined) throw new Error("three");
    nodes = [...nodes, cai, dan, eva];
    const door = await openDoor(dan.address, 0);
    const elsewhere = cai.address.replace("127.0.0.1", "localhost");
    try {
      cai.network.meet({ name: "dan", address: door.address, isStranger: true });
      dan.network.meet({ name: "cai", address: elsewhere, isStranger: true });
      for (const { network, listener } of [cai, dan, eva]) network.start(listener);
      await eventually(() => eva.listener.greeted.some(({ node }) => node === "cai"));
      expect(door.accepted()).to.equal(0);
      cai.network.transport.send("dan", [{ shard: 1, message: heartbeat(6) }]);
      await eventually(() => dan.listener.messages.length === 1);
    } finally {
      door.close();
    }
  });
});

/** Lets each connection wait before it leads to the address. */
async function openDoor(
  address: string,
  waitMs: number,
): Promise<{ readonly address: string; accepted(): number; close(): void }> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on("error", () => socket.destroy());
  };
  const door = createServer((inside) => {
    accepted++;
    keep(inside);
    setTimeout(() => {
      const outside = keep(connect(Number(address.split(":")[1]), "127.0.0.1"));
      inside.pipe(outside).pipe(inside);
    }, waitMs);
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  const { port } = door.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    accepted: () => accepted,
    close: () => {
      door.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function entriesOf({ message }: { readonly message: Message }) {
  return message.kind === "append" ? message.entries : [];
}

function answerTo(request: Message, kind: "vote" | "pre-vote", reject: boolean): Message {
  const { from, to, term } = request;
  return { kind: `${kind}-response`, from: to, to: from, term, reject };
}
