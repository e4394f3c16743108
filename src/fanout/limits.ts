/** Bounds of a fan-out process. */
export interface Limits {
  /** Longest message of a client. Default 64 KiB. */
  readonly messageBytesMax: number;
  /** Channels of one connection. Default 128. */
  readonly channelsMax: number;
  /** Commands of one connection, refilled evenly and as many at once. Default 1,000. */
  readonly commandsPerSecond: number;
  /** Commands of all connections of one user, in the same way. Default 2,000. */
  readonly userCommandsPerSecond: number;
  /** Commands of all connections of one address, in the same way. Default 5,000. */
  readonly addressCommandsPerSecond: number;
  /** Pings and pongs of one connection, refilled evenly and as many at once. Default 100. */
  readonly beatsPerSecond: number;
  /** Commands that wait for the one before. Default 256. */
  readonly commandsQueuedMax: number;
  /** Calls of one connection that wait for their answer. Default 256. */
  readonly callsInFlightMax: number;
  /** How long a call may take. Default 60 s. */
  readonly callMsMax: number;
  /** Connections of one address. Default 1,000. */
  readonly connectionsPerAddress: number;
  /** Connections of one user. Default 100. */
  readonly connectionsPerUser: number;
  /** New connections of this process, refilled evenly and as many at once. Default 500. */
  readonly connectionsPerSecond: number;
  /** How long a connection may last; each ends up to a fifth before, at random. Default 12 h. */
  readonly lifetimeMs: number;
  /** Connections of this process. Default 100,000. */
  readonly connectionsMax: number;
  /** From the open socket to a valid `connect`. Default 10 s. */
  readonly connectMs: number;
  /** Between two pings of the server. Default 25 s. */
  readonly pingMs: number;
  /** From a ping to a sign of life. Default 10 s. */
  readonly pongMs: number;
  /** A connection outlives its token by so much. Default 25 s. */
  readonly expiryGraceMs: number;
  /** Unsent bytes at which a connection leaves the live path. Default 1 MiB. */
  readonly unsentBytesHigh: number;
  /** Unsent bytes below which it is fed again. Default 256 KiB. */
  readonly unsentBytesLow: number;
  /** A connection that is not live again after so long is closed with its position. Default 30 s. */
  readonly laggingMs: number;
  /** Changes that a connection may be behind. Default 50,000. */
  readonly changesBehindMax: number;
  /** Changes of a shard kept in memory. Default 4,096. */
  readonly ringChanges: number;
  /** Bytes of a shard's changes kept in memory. Default 16 MiB. */
  readonly ringBytes: number;
  /** Channels of a shard whose last change is remembered. Default 65,536. */
  readonly knownChannels: number;
  /** Between two looks at expiry, pings and lag. Default 1 s. */
  readonly sweepMs: number;
  /** Between two checkpoints of a connection. Default 5 s. */
  readonly checkpointMs: number;
  /** How long a subscription waits for a shard's feed to be followed. Default 5 s. */
  readonly feedMs: number;
  /** Longest drain at `close`. Default 10 s. */
  readonly drainMs: number;
  /** Longest random delay that a closing server asks of its clients. Default 5 s. */
  readonly retrySpreadMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_LIMITS: Limits = {
  messageBytesMax: 64 * KIB,
  channelsMax: 128,
  commandsPerSecond: 1_000,
  userCommandsPerSecond: 2_000,
  addressCommandsPerSecond: 5_000,
  beatsPerSecond: 100,
  commandsQueuedMax: 256,
  callsInFlightMax: 256,
  callMsMax: 60_000,
  connectionsPerAddress: 1_000,
  connectionsPerUser: 100,
  connectionsPerSecond: 500,
  lifetimeMs: 12 * 3_600_000,
  connectionsMax: 100_000,
  connectMs: 10_000,
  pingMs: 25_000,
  pongMs: 10_000,
  expiryGraceMs: 25_000,
  unsentBytesHigh: MIB,
  unsentBytesLow: 256 * KIB,
  laggingMs: 30_000,
  changesBehindMax: 50_000,
  ringChanges: 4_096,
  ringBytes: 16 * MIB,
  knownChannels: 65_536,
  sweepMs: 1_000,
  checkpointMs: 5_000,
  feedMs: 5_000,
  drainMs: 10_000,
  retrySpreadMs: 5_000,
};
