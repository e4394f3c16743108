import type { AccessTokens, Passwords, PositionTokens } from "../../auth/index.js";
import type { ShardPosition } from "../../shards/index.js";
import type { GatewayClock } from "../clock.js";
import type { Ids } from "../ids.js";
import type { LoginGuard } from "../login-guard.js";
import type { Sessions } from "../sessions.js";
import type { Positions } from "../types.js";

/** What handlers share. */
export interface ServiceContext {
  readonly clusterId: string;
  readonly clock: GatewayClock;
  readonly ids: Ids;
  readonly passwords: Passwords;
  readonly logins: LoginGuard;
  readonly sessions: Sessions;
  readonly positions: Positions;
  /** SHA-256 in hex of the credential that makes the first administrator; empty where there is none. */
  readonly bootstrapHash: string;
  /** Both fail until the keys of the cluster are known. */
  accessTokens(): AccessTokens;
  positionTokens(): PositionTokens;
  encode(position: ShardPosition): string;
}
