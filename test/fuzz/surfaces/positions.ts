import { PositionTokens } from "../../../src/auth/index.js";
import type { FeedPlace } from "../../../src/auth/index.js";
import { ClusterError } from "../../../src/base/index.js";
import type { SeededRandom } from "../../raft/seeded-random.js";
import { anyBytes, changeBytes, changeText } from "../nonsense.js";
import type { Target } from "../target.js";

/** Positions and page tokens: only what was made here is taken, and it says what it said. */
export function openPositions(): Promise<Target> {
  const key = Buffer.alloc(32, 7).toString("base64url");
  const tokens = new PositionTokens({ key, keyId: 1, clusterId: "01test" });
  return Promise.resolve({
    run: (random) =>
      Promise.resolve(random.chance(0.6) ? decode(tokens, random) : open(tokens, random)),
    faults: () => [],
    close: () => Promise.resolve(),
  });
}

function decode(tokens: PositionTokens, random: SeededRandom): string {
  const places = Array.from({ length: random.between(0, 5) }, (): FeedPlace => ({
    shard: random.between(0, 2 ** 32 - 1),
    epoch: random.between(0, 65_535),
    sequence: random.between(0, Number.MAX_SAFE_INTEGER),
  }));
  const text = tokens.encode(places);
  const changed = changed64(random, text);
  try {
    const said = JSON.stringify(tokens.decode(changed));
    return changed === text && said === JSON.stringify(places) ? "whole" : `! believed ${said}`;
  } catch (error) {
    if (changed === text) return `! refused ${text}`;
    return error instanceof ClusterError ? error.code : `! ${String(error)}`;
  }
}

function open(tokens: PositionTokens, random: SeededRandom): string {
  const text = `after ${anyBytes(random, 20).toString()}`;
  const sealed = tokens.seal("page a", text);
  const changed = changed64(random, sealed);
  const purpose = random.chance(0.8) ? "page a" : changeText(random, "page a");
  const opened = tokens.open(purpose, changed);
  const isWhole = changed === sealed && purpose === "page a";
  if (isWhole) return opened === text ? "whole" : "! refused";
  return opened === undefined ? "refused" : `! opened ${JSON.stringify([purpose, changed])}`;
}

/** Mostly still base64url. */
function changed64(random: SeededRandom, text: string): string {
  if (random.chance(0.1)) return text;
  if (random.chance(0.3)) return changeText(random, text);
  return changeBytes(random, Buffer.from(text, "base64url")).toString("base64url");
}
