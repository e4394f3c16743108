import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Message } from "@bufbuild/protobuf";
import {
  CallSchema,
  ChangesRequestSchema,
  ExecuteRequestSchema,
  ExecuteResponseSchema,
  ShardService,
  StatusRequestSchema,
} from "../../../gen/cabildo/shard/v1/shard_pb.js";
import { CommandSchema } from "../../../gen/cabildo/store/v1/commands_pb.js";
import { QuerySchema } from "../../../gen/cabildo/store/v1/queries_pb.js";
import { DEFAULT_RANGE_MAP } from "../../../src/placement/index.js";
import type { SeededRandom } from "../../raft/seeded-random.js";
import { enveloped } from "../http2-client.js";
import type { HttpAnswer } from "../http2-client.js";
import { innerCodeOf, InnerNode } from "../inner-node.js";
import { anyMessage } from "../messages.js";
import type { Vocabulary } from "../messages.js";
import { changeBytes } from "../nonsense.js";
import type { Target } from "../target.js";
import { flags, oddHeaders } from "./public.js";

const CALLS_MAX = 4;
const ENVELOPE_BYTES = 5;

const words: Vocabulary = (field) => {
  if (/channels/u.test(field)) return ["users/ana", "calendars/ana", "groups/choir"];
  if (/time_zone/u.test(field)) return ["UTC", "America/Havana"];
  if (/recurrence|rule/u.test(field)) return ["RRULE:FREQ=DAILY;COUNT=5", ""];
  if (/calendar/u.test(field)) return ["ana", "ben", "ana.work", "choir.group"];
  return ["ana", "ben", "choir", "", `e${"0".repeat(26)}`, "users/ana", "calendars/ana"];
};

/** What doors and other nodes call on a node: the real one, which leads all shards alone. */
export async function openShard(): Promise<Target> {
  const node = await InnerNode.open({ role: "coordinator", name: "coordinator-1" });
  return {
    run: async (random) => {
      const [method, message] = anyCall(random);
      const path = `/${ShardService.typeName}/${method.name}`;
      const bytes = toBinary(method.input, message);
      const body = enveloped(
        flags(random),
        random.chance(0.1) ? changeBytes(random, bytes) : bytes,
      );
      const goesOn = method === ShardService.method.changes;
      return outcomeOf(await node.send(path, oddHeaders(random), body, goesOn));
    },
    faults: () => node.faults(),
    close: () => node.close(),
  };
}

function anyCall(random: SeededRandom): readonly [(typeof ShardService.methods)[number], Message] {
  const { execute, changes, status } = ShardService.method;
  if (random.chance(0.05)) return [status, create(StatusRequestSchema)];
  if (random.chance(0.1)) return [changes, anyMessage(ChangesRequestSchema, random, words)];
  const calls = Array.from({ length: random.between(1, CALLS_MAX) }, (_, i) => oneOf(random, i));
  return [execute, create(ExecuteRequestSchema, { calls })];
}

function oneOf(random: SeededRandom, number: number) {
  const { version, shards } = DEFAULT_RANGE_MAP;
  const call = {
    id: BigInt(random.chance(0.98) ? number + 1 : 1),
    shard: random.chance(0.98)
      ? (random.pick(shards)?.number ?? 0)
      : random.between(0, 2 ** 32 - 1),
    rangeVersion: BigInt(random.chance(0.98) ? version : random.between(0, 9)),
    timeoutMs: random.chance(0.95) ? 5000 : (random.pick([0, 1, 2 ** 32 - 1]) ?? 0),
  };
  const inner = (bytes: Uint8Array): Uint8Array =>
    random.chance(0.1) ? changeBytes(random, bytes) : bytes;
  const operation = random.chance(0.6)
    ? {
        case: "command" as const,
        value: inner(toBinary(CommandSchema, anyMessage(CommandSchema, random, words) as never)),
      }
    : {
        case: "read" as const,
        value: {
          query: inner(toBinary(QuerySchema, anyMessage(QuerySchema, random, words) as never)),
          minSequence: BigInt(random.chance(0.95) ? 0 : random.between(0, 2 ** 40)),
          maxStalenessMs: random.chance(0.8) ? 0 : random.between(0, 5000),
        },
      };
  return create(CallSchema, { ...call, operation });
}

/** Of several calls on one stream, the worst that was answered. */
function outcomeOf(answer: HttpAnswer): string {
  const code = innerCodeOf(answer);
  if (code !== "ok") return code;
  const codes = failuresOf(answer.body);
  return codes.find((one) => /^(?:internal|corrupt|data-loss)/u.test(one)) ?? codes[0] ?? code;
}

function failuresOf(body: Buffer): readonly string[] {
  const codes: string[] = [];
  for (let at = 0; at + ENVELOPE_BYTES <= body.length;) {
    const end = at + ENVELOPE_BYTES + body.readUInt32BE(at + 1);
    try {
      const { replies } = fromBinary(
        ExecuteResponseSchema,
        body.subarray(at + ENVELOPE_BYTES, end),
      );
      for (const { outcome } of replies) {
        if (outcome.case === "failure") codes.push(outcome.value.code);
      }
    } catch {
      return codes;
    }
    at = end;
  }
  return codes;
}
