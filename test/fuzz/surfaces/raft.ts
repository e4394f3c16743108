import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, Message } from "@bufbuild/protobuf";
import {
  AppendEntriesRequestSchema,
  AppendSchema,
  EntryKind,
  EntrySchema,
  HeartbeatSchema,
  HelloSchema,
  InstallSnapshotRequestSchema,
  RaftService,
  ReadIndexRequestSchema,
  RequestVoteRequestSchema,
  RouteSchema,
  SnapshotHeaderSchema,
  TimeoutNowRequestSchema,
} from "../../../gen/cabildo/raft/v1/raft_pb.js";
import { DEFAULT_RANGE_MAP, replicaId } from "../../../src/placement/index.js";
import type { SeededRandom } from "../../raft/seeded-random.js";
import { enveloped } from "../http2-client.js";
import { CLUSTER_ID, innerCodeOf, InnerNode } from "../inner-node.js";
import { anyMessage } from "../messages.js";
import { anyBytes, changeBytes } from "../nonsense.js";
import type { Target } from "../target.js";
import { flags, oddHeaders } from "./public.js";

const PEER = "node-2";
const PEER_ORDINAL = 2;
const FRAMES_MAX = 4;
const ENTRIES_MAX = 3;
const WILD = [2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n] as const;

/**
 * What a member of all groups sends to another that follows. It never says that anything is committed: a member that lies
 * about that is beyond what Raft can bear, and whoever notices stops.
 */
export async function openRaft(): Promise<Target> {
  const node = await InnerNode.open({ role: "node", name: PEER }, [PEER, "node-3"]);
  return {
    run: async (random) => {
      const [method, messages] = anyCall(random);
      const path = `/${RaftService.typeName}/${method.name}`;
      const body = Buffer.concat(
        messages.map((message) => {
          const bytes = toBinary(method.input, message);
          const sent = random.chance(0.05) ? changeBytes(random, bytes) : bytes;
          return enveloped(flags(random), sent);
        }),
      );
      // A vote or a read may wait for what never comes: nobody else is there.
      return innerCodeOf(await node.send(path, oddHeaders(random), body, true));
    },
    faults: () => node.faults(),
    close: () => node.close(),
  };
}

function anyCall(random: SeededRandom): readonly [DescMethod, readonly Message[]] {
  const { appendEntries, requestVote, installSnapshot, timeoutNow, readIndex } = RaftService.method;
  const asked = { hello: hello(random), route: route(random) };
  switch (random.between(0, 5)) {
    case 0: {
      const last = { lastIndex: number(random), lastTerm: number(random) };
      const kind = { preVote: random.chance(0.5), transfer: random.chance(0.2) };
      return [requestVote, [create(RequestVoteRequestSchema, { ...asked, ...last, ...kind })]];
    }
    case 1:
      return [timeoutNow, [create(TimeoutNowRequestSchema, asked)]];
    case 2:
      return [readIndex, [create(ReadIndexRequestSchema, { ...asked, context: number(random) })]];
    case 3:
      return [installSnapshot, snapshot(random)];
    default: {
      const frames = Array.from({ length: random.between(1, FRAMES_MAX) }, (_, i) =>
        frame(random, i === 0),
      );
      return [appendEntries, frames];
    }
  }
}

function frame(random: SeededRandom, isFirst: boolean): Message {
  if (random.chance(0.03)) return nonsense(AppendEntriesRequestSchema, random);
  const greets = isFirst !== random.chance(0.05);
  const appends = Array.from({ length: random.between(0, 2) }, () =>
    create(AppendSchema, {
      route: route(random),
      prevIndex: number(random),
      prevTerm: number(random),
      entries: Array.from({ length: random.between(0, ENTRIES_MAX) }, () => entry(random)),
    }),
  );
  const heartbeats = Array.from({ length: random.between(0, 2) }, () =>
    create(HeartbeatSchema, { route: route(random), readRound: number(random) }),
  );
  const first = greets ? { hello: hello(random) } : {};
  return create(AppendEntriesRequestSchema, { ...first, appends, heartbeats });
}

function entry(random: SeededRandom) {
  const kind = random.pick(Object.values(EntryKind)) ?? EntryKind.NORMAL;
  return create(EntrySchema, { term: number(random), kind, data: anyBytes(random, 40) });
}

/** Whose rows are never whole: one that is would be a state that was committed. */
function snapshot(random: SeededRandom): readonly Message[] {
  const header = create(SnapshotHeaderSchema, {
    ...{ hello: hello(random), route: route(random), snapshotId: "s" },
    ...{ index: number(random), term: number(random) },
    confState: { voters: [replicaId(1, 1), replicaId(1, PEER_ORDINAL)] },
  });
  const part = { case: "header", value: header } as const;
  const chunk = {
    case: "chunk",
    value: { offset: number(random), rows: anyBytes(random, 60), checksum: 1, last: true },
  } as const;
  const parts = random.chance(0.9) ? [part, { part: chunk }] : [{ part: chunk }];
  return parts.map((one) =>
    create(InstallSnapshotRequestSchema, "part" in one ? one : { part: one }),
  );
}

function hello(random: SeededRandom) {
  if (random.chance(0.03)) return nonsense(HelloSchema, random);
  return create(HelloSchema, {
    ...{ clusterId: CLUSTER_ID, node: PEER, storeId: `${PEER}-store`, boot: 1n, life: 7n },
    ...{ wallMs: BigInt(Date.now()), featureLevel: 1 },
    diskFull: random.chance(0.1),
    draining: random.chance(0.1),
    replicas: DEFAULT_RANGE_MAP.shards.map(({ number: shard }) => ({
      ...{ shard, replica: replicaId(shard, PEER_ORDINAL), lastIndex: number(random) },
    })),
  });
}

function route(random: SeededRandom) {
  const shard = random.pick(DEFAULT_RANGE_MAP.shards)?.number ?? 1;
  const of = (ordinal: number): number =>
    random.chance(0.97) ? replicaId(shard, ordinal) : random.between(0, 2 ** 32 - 1);
  return create(RouteSchema, { shard, from: of(PEER_ORDINAL), to: of(1), term: number(random) });
}

const number = (random: SeededRandom): bigint =>
  random.chance(0.01) ? (random.pick(WILD) ?? 0n) : BigInt(random.between(0, 9));

function nonsense<Desc extends DescMessage>(desc: Desc, random: SeededRandom) {
  const bytes = toBinary(desc, anyMessage(desc, random, () => [PEER, CLUSTER_ID]) as never);
  return fromBinary(desc, bytes);
}
