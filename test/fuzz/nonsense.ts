import type { SeededRandom } from "../raft/seeded-random.js";

const TEXTS: readonly string[] = [
  "",
  " ",
  "-",
  "*",
  "/",
  "..",
  "../../etc/passwd",
  "%00",
  "%2e%2e%2f",
  "a\u0000b",
  "\n",
  "\r\nset-cookie: a=b",
  "\u202e\u200b",
  "\ud83d\ude00\u0301",
  "e\u0301",
  "\ufffd\uffff",
  "\ud800",
  "ß",
  "Ñandú",
  "__proto__",
  "constructor",
  "toString",
  "null",
  "undefined",
  "NaN",
  "0",
  "-1",
  "9007199254740993",
  "18446744073709551616",
  "1e400",
  "{}",
  "users/__proto__",
  "calendars/-",
  "calendars/ana/events/-",
  "groups/constructor/members/toString",
  "a".repeat(64),
  "a".repeat(1025),
  "ä".repeat(5000),
  "${7*7}",
  "' or 1=1 --",
  "<script>",
];

/** JSON that a parser reads, or should not. */
const JSON_TEXTS: readonly string[] = [
  "null",
  "true",
  "-0",
  "1e400",
  "9007199254740993",
  "-9223372036854775809",
  "0.1",
  "[]",
  "{}",
  "[[]]",
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '"\\u0000"',
  '"\\ud800"',
  '{"a":1,"a":2}',
  '{"@type":"type.googleapis.com/google.protobuf.Struct"}',
  "[".repeat(200) + "]".repeat(200),
  '{"a":'.repeat(200) + "1" + "}".repeat(200),
  `[${"1,".repeat(2000)}1]`,
];

const BYTES_MAX = 4096;

export function anyText(random: SeededRandom): string {
  return random.pick(TEXTS) ?? "";
}

/** What can be encoded: half of a surrogate pair cannot. */
export const plainText = (random: SeededRandom): string => Buffer.from(anyText(random)).toString();

export function anyBytes(random: SeededRandom, max: number): Buffer {
  return Buffer.from(Array.from({ length: random.between(0, max) }, () => random.between(0, 255)));
}

/** A few changes to what was right: bits, bytes, pieces that are lost, doubled or moved. */
export function changeBytes(random: SeededRandom, bytes: Uint8Array): Buffer {
  let changed = Buffer.from(bytes);
  for (let left = random.between(1, 4); left > 0; left--) {
    const at = random.between(0, changed.length);
    const end = random.between(at, Math.min(changed.length, at + 32));
    const [head, piece, tail] = [
      changed.subarray(0, at),
      changed.subarray(at, end),
      changed.subarray(end),
    ];
    switch (random.between(0, 4)) {
      case 0:
        if (piece.length > 0) piece[0] = (piece[0] ?? 0) ^ (1 << random.between(0, 7));
        break;
      case 1:
        changed = Buffer.concat([head, tail]);
        break;
      case 2:
        changed = Buffer.concat([head, piece, piece, tail]);
        break;
      case 3:
        changed = Buffer.concat([head, anyBytes(random, 16), tail]);
        break;
      default:
        changed = Buffer.concat([tail, piece, head]);
    }
    changed = changed.subarray(0, BYTES_MAX);
  }
  return changed;
}

export function changeText(random: SeededRandom, text: string): string {
  if (random.chance(0.2)) return anyText(random);
  const at = random.between(0, text.length);
  const end = random.between(at, Math.min(text.length, at + 8));
  switch (random.between(0, 3)) {
    case 0:
      return text.slice(0, at) + anyText(random) + text.slice(end);
    case 1:
      return text.slice(0, at) + text.slice(end);
    case 2:
      return text.slice(0, end) + text.slice(at);
    default:
      return changeBytes(random, Buffer.from(text)).toString();
  }
}

/** JSON text in which something is not as it was: a value of another kind, a key that is new or gone, now and then no JSON. */
export function changeJson(random: SeededRandom, value: unknown): string {
  const changed = JSON.stringify(replaceOne(random, value));
  const text = changed.replace(HOLE, () => random.pick(JSON_TEXTS) ?? "null");
  return random.chance(0.15) ? changeText(random, text) : text;
}

const HOLE = /"@hole@"/gu;
const hole = "@hole@";

function replaceOne(random: SeededRandom, value: unknown): unknown {
  if (typeof value !== "object" || value === null || random.chance(0.15)) {
    return random.chance(0.5) ? hole : anyText(random);
  }
  if (Array.isArray(value)) {
    const items = [...(value as readonly unknown[])];
    const at = random.between(0, items.length);
    if (random.chance(0.3)) items.splice(at, random.between(0, 1), hole);
    else items[at] = replaceOne(random, items[at]);
    return items;
  }
  const entries: readonly (readonly [string, unknown])[] = Object.entries(value);
  const at = random.between(0, Math.max(0, entries.length - 1));
  const [key, old] = entries[at] ?? [anyText(random), null];
  switch (random.between(0, 4)) {
    case 0:
      return Object.fromEntries(entries.filter((_, i) => i !== at));
    case 1:
      return Object.fromEntries([...entries, [anyText(random), hole]]);
    default:
      return Object.fromEntries(
        entries.map((entry, i) => (i === at ? [key, replaceOne(random, old)] : entry)),
      );
  }
}
