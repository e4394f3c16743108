import { Option } from "commander";
import type { Command } from "commander";
import type { Limits } from "../../fanout/index.js";
import { pickLimits, withLimitFlags } from "./limit-flags.js";
import type { LimitWords } from "./limit-flags.js";
import type { DoorOptions } from "./process-options.js";

/** What a fan-out is told. A limit that is left out has its default. */
export interface FanoutOptions extends DoorOptions, Partial<Limits> {
  readonly transport: "auto" | "uws" | "ws";
}

/** Every limit of a fan-out is a flag. */
export const LIMIT_WORDS: LimitWords<Limits> = {
  messageBytesMax: "bytes of a client's message (65536)",
  channelsMax: "channels of one connection (128)",
  commandsPerSecond: "commands of one connection in a second (1000)",
  userCommandsPerSecond: "commands of all connections of one user in a second (2000)",
  addressCommandsPerSecond: "commands of all connections of one address in a second (5000)",
  beatsPerSecond: "pings and pongs of one connection in a second (100)",
  commandsQueuedMax: "commands of one connection that wait for the one before (256)",
  callsInFlightMax: "calls of one connection that wait for their answer (256)",
  callMsMax: "milliseconds that a call may take (60000)",
  connectionsPerAddress: "connections of one address (1000)",
  connectionsPerUser: "connections of one user (100)",
  connectionsPerSecond: "new connections in a second (500)",
  connectionsMax: "connections in all (100000)",
  lifetimeMs: "milliseconds that a connection may last (43200000)",
  connectMs: "milliseconds from the open socket to a valid connect (10000)",
  pingMs: "milliseconds between two pings (25000)",
  pongMs: "milliseconds from a ping to a sign of life (10000)",
  expiryGraceMs: "milliseconds that a connection outlives its token (25000)",
  unsentBytesHigh: "unsent bytes at which a connection leaves the live path (1048576)",
  unsentBytesLow: "unsent bytes below which it is fed again (262144)",
  laggingMs: "milliseconds after which one that is still behind is closed (30000)",
  changesBehindMax: "changes that a connection may be behind (50000)",
  ringChanges: "changes of a shard in memory (4096)",
  ringBytes: "bytes of a shard's changes in memory (16777216)",
  knownChannels: "channels of a shard whose last change is remembered (65536)",
  sweepMs: "milliseconds between two looks at expiry, pings and lag (1000)",
  checkpointMs: "milliseconds between two checkpoints of a connection (5000)",
  feedMs: "milliseconds that a subscription waits for a shard's feed (5000)",
  drainMs: "milliseconds that a drain may take (10000)",
  retrySpreadMs: "milliseconds over which those who are sent away come back (5000)",
};

export function withFanoutOptions(command: Command): Command {
  command.addOption(
    new Option("--transport <library>", "what serves the sockets; auto: uws where it loads")
      .choices(["auto", "uws", "ws"])
      .default("auto"),
  );
  return withLimitFlags(command, LIMIT_WORDS);
}

export function limitsOf(options: Partial<Limits>): Partial<Limits> {
  return pickLimits(options, LIMIT_WORDS);
}
