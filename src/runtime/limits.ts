/** Everything that is bounded or timed in a node's runtime, with its default. */
export interface RuntimeLimits {
  readonly tickMs: number;
  readonly heartbeatTicks: number;
  /** A follower campaigns after this many silent ticks to twice as many, at random. */
  readonly electionTicks: number;
  /** After a leader's process is known to be gone, a follower campaigns within this time, at random. */
  readonly goneCampaignMsMax: number;
  /** Entries in one message; frames on the stream between peers stay under 256 KiB. */
  readonly messageBytesMax: number;
  readonly committedBytesMax: number;
  readonly uncommittedBytesMax: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  readonly entryBytesMax: number;
  readonly openProposalsMax: number;
  readonly gatheredBytesMax: number;
  readonly openReadsMax: number;
  /** Of its applied state each replica keeps so much in memory. */
  readonly cacheBytesMax: number;
  /** Applied rows are written with the next entries, or at the next tick, unless more than this waits. */
  readonly unwrittenBytesMax: number;
  /** How long a commit index alone waits for entries that would take it along. */
  readonly commitHoldMs: number;
  /** Read back from the disk at once for a follower that lags. */
  readonly fetchBytesMax: number;
  /** The log is compacted when it holds this many applied entries, or this many bytes ... */
  readonly logEntriesMax: number;
  readonly logBytesMax: number;
  /** ... down to at most so many of either, which serve followers that are a little behind. */
  readonly logEntriesKept: number;
  readonly logBytesKept: number;
  /** Snapshots that a node sends, and that it takes, at once; there is never more than one between two nodes. */
  readonly snapshotsOutMax: number;
  readonly snapshotsInMax: number;
  /** All that a node sends, together. With less than 64 KiB a receiver may take the silence between two chunks for a stall. */
  readonly snapshotBytesPerSecondMax: number;
  /** After a failed transfer to a replica, none to it for so long. */
  readonly snapshotRetryMs: number;
  /** So long after a transfer broke off its sender can go on where it was. */
  readonly snapshotKeptMs: number;
  readonly feedAgeMs: number;
  readonly feedBytesMax: number;
  readonly sweepMs: number;
  readonly sweepEntries: number;
  readonly sweepRowsMax: number;
  /** With less than this free, or than the store may need at once, the node takes no more commands. */
  readonly diskReserveBytes: number;
  readonly diskCheckMs: number;
  /** While a round has been on its way to the disk for longer than this, commands are refused ... */
  readonly diskSlowMs: number;
  /** ... for longer than this, leadership is handed over, and twice this, given up. */
  readonly diskStalledMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const DEFAULT_LIMITS: RuntimeLimits = {
  tickMs: 50,
  heartbeatTicks: 1,
  electionTicks: 6,
  goneCampaignMsMax: 30,
  messageBytesMax: 128 * KIB,
  committedBytesMax: MIB,
  uncommittedBytesMax: 64 * MIB,
  inflightMessagesMax: 256,
  inflightBytesMax: 8 * MIB,
  entryBytesMax: MIB,
  openProposalsMax: 8192,
  gatheredBytesMax: 16 * MIB,
  openReadsMax: 8192,
  cacheBytesMax: 32 * MIB,
  unwrittenBytesMax: MIB,
  commitHoldMs: 2,
  fetchBytesMax: MIB,
  logEntriesMax: 20_000,
  logBytesMax: 128 * MIB,
  logEntriesKept: 10_000,
  logBytesKept: 32 * MIB,
  snapshotsOutMax: 2,
  snapshotsInMax: 2,
  snapshotBytesPerSecondMax: 64 * MIB,
  snapshotRetryMs: 500,
  snapshotKeptMs: 60_000,
  feedAgeMs: 24 * 3600 * 1000,
  feedBytesMax: 256 * MIB,
  sweepMs: 10_000,
  sweepEntries: 500,
  sweepRowsMax: 1000,
  diskReserveBytes: 1024 * MIB,
  diskCheckMs: 2000,
  diskSlowMs: 200,
  diskStalledMs: 300,
};
