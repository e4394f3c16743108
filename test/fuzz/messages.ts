import { ScalarType, toJson } from "@bufbuild/protobuf";
import type { DescField, DescMessage, DescOneof, JsonValue, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import type { SeededRandom } from "../raft/seeded-random.js";
import { findRules } from "../../src/openapi/constraints.js";
import { anyBytes, plainText } from "./nonsense.js";

/** Texts that may stand in a field of this name; none if anything may. Of `name` it has every name that there is. */
export type Vocabulary = (field: string) => readonly string[];

const LEFT_OUT = 0.35;
/** How much of a message is nonsense: half of them shall get past the first check. */
const NONSENSE = [0.004, 0.004, 0.05, 0.2];
const DEPTH_MAX = 6;
const ITEMS_MAX = 3;
const SMALL_MAX = 50;
const YEAR_S = 365 * 86_400;
const NEAR_S = 1_900_000_000;

const INT32: readonly number[] = [0, 1, 2, 7, 50, 1000, -1, 2 ** 31 - 1, -(2 ** 31)];
const INT64: readonly bigint[] = [
  ...[0n, 1n, 2n, 7n, 1000n, 1_900_000_000_000n, -1n],
  ...[2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)],
];
const DOUBLES: readonly number[] = [0, -0, 0.5, -1, NaN, Infinity, 1e30];

/** A message of this type: as the descriptors say, and here and there what nobody would send. */
export function anyMessage(desc: DescMessage, random: SeededRandom, words: Vocabulary): Message {
  const say = { random, words, nonsense: random.pick(NONSENSE) ?? 0 };
  return fill(desc, say, 0).message;
}

/** Its proto3 JSON, or an empty object where it cannot be said in JSON. */
export function anyJson(desc: DescMessage, random: SeededRandom, words: Vocabulary): JsonValue {
  try {
    return toJson(desc, anyMessage(desc, random, words));
  } catch {
    return {};
  }
}

interface Say {
  readonly random: SeededRandom;
  readonly words: Vocabulary;
  readonly nonsense: number;
}

function fill(desc: DescMessage, say: Say, depth: number): ReflectMessage {
  const { random } = say;
  const message = reflect(desc);
  const chosen = new Map<DescOneof, DescField | undefined>();
  for (const field of desc.fields) {
    const { oneof } = field;
    if (oneof !== undefined) {
      if (!chosen.has(oneof)) chosen.set(oneof, random.pick(oneof.fields));
      if (chosen.get(oneof) !== field) continue;
    }
    const isDeep = depth >= DEPTH_MAX && field.message !== undefined;
    if (isDeep || random.chance(leftOut(field, say))) continue;
    set(message, field, say, depth);
  }
  return message;
}

function leftOut(field: DescField, { nonsense }: Say): number {
  if (findRules(field)?.required === true) return nonsense;
  return field.oneof === undefined ? LEFT_OUT : LEFT_OUT / 4;
}

function set(message: ReflectMessage, field: DescField, say: Say, depth: number): void {
  const { random } = say;
  const one = (): unknown => valueOf(field, say, depth);
  switch (field.fieldKind) {
    case "list": {
      const list = message.get(field);
      for (let left = random.between(0, ITEMS_MAX); left > 0; left--) list.add(one());
      return;
    }
    case "map": {
      const map = message.get(field);
      if (field.mapKey !== ScalarType.STRING) return;
      for (let left = random.between(0, ITEMS_MAX); left > 0; left--) {
        map.set(plainText(random), one());
      }
      return;
    }
    default:
      message.set(field, one());
  }
}

function valueOf(field: DescField, say: Say, depth: number): unknown {
  const { random, nonsense } = say;
  if (field.message !== undefined) {
    const { typeName } = field.message;
    if (typeName === "google.protobuf.Timestamp") return timestamp(field.message, say);
    return fill(field.message, say, depth + 1);
  }
  if (field.enum !== undefined) {
    if (random.chance(nonsense)) return random.pick([-1, 99, 2 ** 31 - 1]);
    return random.pick(field.enum.values)?.number;
  }
  return scalar(field, say);
}

/** Within a few years as a rule. */
function timestamp(desc: DescMessage, { random, nonsense }: Say): ReflectMessage {
  const message = reflect(desc);
  const [seconds, nanos] = desc.fields;
  const near = BigInt(NEAR_S + random.between(-3 * YEAR_S, 3 * YEAR_S));
  const at = random.chance(nonsense) ? (random.pick(INT64) ?? 0n) : near;
  if (seconds !== undefined) message.set(seconds, at);
  if (nanos !== undefined && random.chance(nonsense)) {
    message.set(nanos, random.pick(INT32) ?? 0);
  }
  return message;
}

/** What is known to pass the field's rules, as a rule. */
function text(field: DescField, { random, words, nonsense }: Say): string {
  if (random.chance(nonsense)) return plainText(random);
  const rules = findRules(field)?.type;
  const { pattern = "" } = rules?.case === "string" ? rules.value : {};
  if (pattern === "") return random.pick(words(field.name)) ?? plainText(random);
  const expected = new RegExp(pattern, "u");
  const known = [...words("name"), ...words(field.name)].filter((word) => expected.test(word));
  return random.pick(known) ?? plainText(random);
}

function scalar(field: DescField, say: Say): unknown {
  const { random, nonsense } = say;
  if (field.scalar === ScalarType.STRING) return text(field, say);
  const isWild = random.chance(nonsense);
  switch (field.scalar) {
    case ScalarType.BYTES:
      return anyBytes(random, 40);
    case ScalarType.BOOL:
      return random.chance(0.5);
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return isWild ? random.pick(DOUBLES) : random.next();
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return isWild ? Math.abs(random.pick(INT32) ?? 0) : random.between(0, SMALL_MAX);
    case ScalarType.INT32:
    case ScalarType.SFIXED32:
    case ScalarType.SINT32:
      return isWild ? random.pick(INT32) : random.between(0, SMALL_MAX);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return isWild ? BigInt.asUintN(64, random.pick(INT64) ?? 0n) : small(random);
    default:
      return isWild ? random.pick(INT64) : small(random);
  }
}

const small = (random: SeededRandom): bigint => BigInt(random.between(0, SMALL_MAX));
