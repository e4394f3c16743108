import {
  AccessTokens,
  createRefreshToken,
  generateClusterKeys,
  parseRefreshToken,
} from "../../../src/auth/index.js";
import type { AccessClaims } from "../../../src/auth/index.js";
import { ClusterError } from "../../../src/base/index.js";
import type { SeededRandom } from "../../raft/seeded-random.js";
import { anyText, changeBytes, changeJson, changeText } from "../nonsense.js";
import type { Target } from "../target.js";

const NOW_MS = 1_800_000_000_000;
const CLAIMS = { user: "ana", sessionId: "s1", roles: ["auditor"] } as const;

/** Access tokens and refresh tokens: nothing is taken for one but what was given out. */
export async function openTokens(): Promise<Target> {
  const { current, next } = await generateClusterKeys();
  const tokens = await AccessTokens.open({
    clusterId: "01test",
    keys: [
      { id: current.id, jwk: JSON.parse(current.jwk) as object },
      { id: next.id, jwk: JSON.parse(next.jwk) as object },
    ],
    wallMs: () => NOW_MS,
    newId: () => "jti",
  });
  const { token, expireTimeMs } = await tokens.mint(CLAIMS);
  const given = { ...CLAIMS, expireTimeMs };
  return {
    run: async (random) =>
      random.chance(0.7)
        ? verifyAccess(tokens, changeToken(random, token), given)
        : parseRefresh(changeText(random, createRefreshToken("ana", "s1").text)),
    faults: () => [],
    close: () => Promise.resolve(),
  };
}

async function verifyAccess(tokens: AccessTokens, text: string, given: AccessClaims) {
  try {
    const said = JSON.stringify(await tokens.verify(text));
    // Base64url has some spellings that say the same.
    return said === JSON.stringify(given) ? "the same" : `! believed ${said}`;
  } catch (error) {
    if (error instanceof ClusterError && error.code === "unauthenticated") return error.code;
    return `! ${String(error)}`;
  }
}

function parseRefresh(text: string): string {
  const parsed = parseRefreshToken(text);
  if (parsed === undefined) return "no refresh token";
  return text === `cr1.${parsed.user}.${parsed.session}.${text.split(".")[3] ?? ""}`
    ? "refresh token"
    : `! read ${JSON.stringify(parsed)}`;
}

/** Changed as a whole, or in one of its three parts, which are JSON, JSON and bytes. */
function changeToken(random: SeededRandom, token: string): string {
  if (random.chance(0.2)) return changeText(random, token);
  const parts = token.split(".");
  const at = random.between(0, 2);
  const part = Buffer.from(parts[at] ?? "", "base64url");
  if (at === 2) parts[at] = changeBytes(random, part).toString("base64url");
  else {
    const value: unknown = JSON.parse(part.toString());
    parts[at] = Buffer.from(changeJson(random, value)).toString("base64url");
  }
  if (random.chance(0.1)) parts.splice(random.between(0, 2), 1);
  if (random.chance(0.1)) parts.push(anyText(random));
  return parts.join(".");
}
