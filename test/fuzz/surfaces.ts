import { openAdmin } from "./surfaces/admin.js";
import { openConfig } from "./surfaces/config.js";
import { openLive } from "./surfaces/live.js";
import { openPositions } from "./surfaces/positions.js";
import { openPublic } from "./surfaces/public.js";
import { openRaft } from "./surfaces/raft.js";
import { openRest } from "./surfaces/rest.js";
import { openShard } from "./surfaces/shard.js";
import { openTokens } from "./surfaces/tokens.js";
import type { OpenTarget } from "./target.js";

/** Every border that something crosses, by the name that the command line gives it. */
export const SURFACES: Readonly<Record<string, OpenTarget>> = {
  public: openPublic,
  rest: openRest,
  tokens: openTokens,
  positions: openPositions,
  config: openConfig,
  live: openLive,
  raft: openRaft,
  shard: openShard,
  admin: openAdmin,
};
