/**
 * Whether a token that was refused says of itself that its time is over. Nothing is believed because of it: it only chooses
 * between "come back with a new one" and "stop".
 */
export function looksExpired(token: string, wallMs: number): boolean {
  const payload = token.split(".")[1];
  if (payload === undefined) return false;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    if (typeof claims !== "object" || claims === null || !("exp" in claims)) return false;
    return typeof claims.exp === "number" && claims.exp * 1_000 <= wallMs;
  } catch {
    return false;
  }
}
