import { PUBLIC_SERVICES } from "../../../src/gateway/index.js";
import type { SeededRandom } from "../../raft/seeded-random.js";
import { startBefore } from "../../fanout/support/start.js";
import { LiveClient } from "../../fanout/support/live-client.js";
import { Inhabitants } from "../inhabitants.js";
import { anyJson } from "../messages.js";
import { anyText, changeBytes, changeJson, changeText } from "../nonsense.js";
import type { Target } from "../target.js";

const METHODS = PUBLIC_SERVICES.flatMap(({ methods }) => methods);
const COMMANDS_MAX = 4;
/** Asked last, so that every answer that comes has come. */
const LAST_ID = 1_000_000;
const COMMANDS = [
  ...(["subscribe", "unsubscribe", "restore", "ping", "refresh", "rpc"] as const),
  ...(["inspect", "may", "trace"] as const),
];

/** What a socket says to a fan-out before the gateway with the real state machine. */
export async function openLive(): Promise<Target> {
  const people = await Inhabitants.settle();
  const { gateway, shards } = people.bench;
  const faults: string[] = [];
  const note = (fields: object, message: string): void => {
    faults.push(`${message} ${String(Reflect.get(fields, "err"))}`);
  };
  const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined };
  const { fanout, port } = await startBefore(shards, gateway, "ws", {
    logger: { ...logger, error: note },
    limits: { connectionsPerSecond: 100_000 },
  });
  return {
    run: async (random) => {
      const somebody = await people.next();
      const token = random.chance(0.2) ? await people.administrator() : somebody.token;
      const client = await LiveClient.open(port);
      try {
        return people.heard(await converse(client, random, token, people));
      } finally {
        client.close();
      }
    },
    faults: () => faults.splice(0),
    close: async () => {
      await fanout.close();
      gateway.close();
    },
  };
}

async function converse(
  client: LiveClient,
  random: SeededRandom,
  token: string,
  people: Inhabitants,
): Promise<string> {
  const said = random.chance(0.95) ? token : changeText(random, token);
  if (random.chance(0.97)) client.send({ id: 1, connect: { token: said } });
  for (let left = random.between(1, COMMANDS_MAX); left > 0; left--) {
    const text = anyCommand(random, left + 1, token, people);
    if (random.chance(0.97)) client.send(text);
    else client.socket.send(changeBytes(random, Buffer.from(text)));
  }
  client.send({ id: LAST_ID, ping: {} });
  const isOver = (): boolean => client.objects.some((object) => object["id"] === LAST_ID);
  await client.until(() => isOver() || client.closeCode !== undefined, "the end");
  return worstOf(client);
}

function anyCommand(
  random: SeededRandom,
  id: number,
  token: string,
  { words }: Inhabitants,
): string {
  const name = random.pick(COMMANDS) ?? "ping";
  const value = { id, [name]: bodyOf(name, random, token, words) };
  const text = random.chance(0.8) ? JSON.stringify(value) : changeJson(random, value);
  if (random.chance(0.02)) return anyText(random);
  return random.chance(0.1) ? `${text}\n${text}` : text;
}

function bodyOf(
  name: (typeof COMMANDS)[number],
  random: SeededRandom,
  token: string,
  words: Inhabitants["words"],
): object {
  const some = (field: string): readonly string[] =>
    Array.from({ length: random.between(0, 3) }, () => random.pick(words(field)) ?? "");
  const any = (field: string): object =>
    random.chance(0.6) ? { [field]: random.pick(words(field)) } : {};
  const limit = random.chance(0.2) ? { limit: random.between(-1, 10) } : {};
  switch (name) {
    case "subscribe":
      return { channels: [...some("name"), "users/p1"], since: some("position") };
    case "unsubscribe":
      return { channels: some("name") };
    case "restore":
      return { since: some("position") };
    case "refresh":
      return { token };
    case "inspect":
      return { ...any("user"), ...any("channel"), ...limit };
    case "may":
    case "trace":
      return { ...any("user"), ...any("channel") };
    case "rpc": {
      const method = random.pick(METHODS);
      if (method === undefined) return {};
      const timeout = random.chance(0.1) ? { timeout_ms: random.between(-1, 100) } : {};
      const path = `${method.parent.typeName}/${method.name}`;
      return { method: path, request: anyJson(method.input, random, words), ...timeout };
    }
    case "ping":
      return {};
  }
}

/** A fault of ours if there was one, else how the last command ended. */
function worstOf(client: LiveClient): string {
  const codes = client.objects.flatMap((object) => {
    const error: unknown = object["error"];
    return typeof error === "object" && error !== null ? [String(Reflect.get(error, "code"))] : [];
  });
  const fault = codes.find((code) => /^(?:internal|unknown|data_loss)$/iu.test(code));
  const end = client.closeCode === undefined ? "ok" : `closed ${client.closeCode}`;
  return (fault ?? codes.at(-1) ?? end).toLowerCase();
}
