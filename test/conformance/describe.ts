import { decodeConfChange } from "../../src/raft/index.js";
import type {
  AppendDone,
  AppendWork,
  ConfState,
  Entry,
  FollowerProgress,
  HardState,
  Message,
  ReadState,
  Role,
  Snapshot,
  SnapshotMeta,
  SoftState,
} from "../../src/raft/index.js";

/** The words of etcd's scenario files for what the core says. */

export const ROLES: Readonly<Record<Role, string>> = {
  follower: "StateFollower",
  candidate: "StateCandidate",
  leader: "StateLeader",
  "pre-candidate": "StatePreCandidate",
};

export const MESSAGE_NAMES: Readonly<Record<Message["kind"], string>> = {
  append: "MsgApp",
  "append-response": "MsgAppResp",
  vote: "MsgVote",
  "vote-response": "MsgVoteResp",
  "pre-vote": "MsgPreVote",
  "pre-vote-response": "MsgPreVoteResp",
  snapshot: "MsgSnap",
  heartbeat: "MsgHeartbeat",
  "heartbeat-response": "MsgHeartbeatResp",
  "timeout-now": "MsgTimeoutNow",
  "transfer-leader": "MsgTransferLeader",
  "read-index": "MsgReadIndex",
  "read-index-response": "MsgReadIndexResp",
  propose: "MsgProp",
};

const STATES = { probe: "StateProbe", replicate: "StateReplicate", snapshot: "StateSnapshot" };
const ENTRY_KINDS = {
  normal: "EntryNormal",
  "conf-change": "EntryConfChange",
  "conf-change-v2": "EntryConfChangeV2",
};
const CHANGE_LETTERS = { "add-voter": "v", "add-learner": "l", remove: "r", update: "u" };

type EntryLike = Pick<Entry, "kind" | "data"> & Partial<Entry>;

export function describeEntry(entry: EntryLike): string {
  const head = `${entry.term ?? 0}/${entry.index ?? 0} ${ENTRY_KINDS[entry.kind]}`;
  if (entry.kind === "normal") return `${head} ${quote(entry.data)}`;
  const { changes } = decodeConfChange(entry.data);
  const words = changes.map((change) => `${CHANGE_LETTERS[change.kind]}${change.replica}`);
  return [head, ...words].join(" ");
}

/** Everything about a message that its line shows. */
interface Line {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  readonly term?: number;
  readonly logTerm?: number;
  readonly index?: number;
  readonly hint?: number | undefined;
  readonly commit?: number | undefined;
  readonly vote?: number | undefined;
  readonly entries?: readonly EntryLike[];
  readonly snapshot?: SnapshotMeta | undefined;
  readonly responses?: readonly string[][];
}

export function describeMessage(message: Message): string[] {
  const head = {
    from: message.from.toString(16),
    to: message.to === 0 ? "None" : message.to.toString(16),
    type: MESSAGE_NAMES[message.kind],
    term: message.term,
  };
  switch (message.kind) {
    case "append":
      return describeLine({
        ...head,
        logTerm: message.prevTerm,
        index: message.prevIndex,
        commit: message.commit,
        entries: message.entries,
      });
    case "append-response": {
      const hint = message.reject ? message.hintIndex : undefined;
      return describeLine({ ...head, logTerm: message.hintTerm, index: message.index, hint });
    }
    case "vote":
    case "pre-vote":
      return describeLine({ ...head, logTerm: message.lastTerm, index: message.lastIndex });
    case "vote-response":
    case "pre-vote-response":
      return describeLine({ ...head, hint: message.reject ? 0 : undefined });
    case "snapshot":
      return describeLine({ ...head, snapshot: message.snapshot.meta });
    case "heartbeat":
      return describeLine({ ...head, commit: message.commit });
    case "read-index-response":
      return describeLine({ ...head, index: message.index });
    case "propose":
      return describeLine({ ...head, entries: message.entries });
    default:
      return describeLine(head);
  }
}

/** The local message that asks the log store for work; without its responses once it is carried out. */
export function describeAppendWork(
  node: number,
  work: AppendWork,
  withResponses: boolean,
): string[] {
  const { hardState, done } = work;
  const responses = work.responses.map(describeMessage);
  if (done !== undefined) responses.push(describeAppendDone(node, done));
  return describeLine({
    from: node.toString(16),
    to: "AppendThread",
    type: "MsgStorageAppend",
    term: hardState?.term ?? 0,
    commit: hardState?.commit,
    vote: hardState?.vote,
    entries: work.entries,
    snapshot: work.snapshot?.meta,
    responses: withResponses ? responses : [],
  });
}

export function describeAppendDone(node: number, done: AppendDone): string[] {
  return describeLine({
    from: "AppendThread",
    to: node.toString(16),
    type: "MsgStorageAppendResp",
    term: done.term,
    logTerm: done.lastTerm,
    index: done.lastIndex,
    snapshot: done.snapshot,
  });
}

export function describeApplyWork(
  node: number,
  entries: readonly Entry[],
  withResponses: boolean,
): string[] {
  return describeLine({
    from: node.toString(16),
    to: "ApplyThread",
    type: "MsgStorageApply",
    entries,
    responses: withResponses ? [describeApplyDone(node, entries)] : [],
  });
}

export function describeApplyDone(node: number, entries: readonly Entry[]): string[] {
  return describeLine({
    from: "ApplyThread",
    to: node.toString(16),
    type: "MsgStorageApplyResp",
    entries,
  });
}

export interface ReadyParts {
  readonly mustSync: boolean;
  readonly softState: SoftState | undefined;
  readonly hardState: HardState | undefined;
  readonly readStates: readonly ReadState[];
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly committed: readonly Entry[];
  readonly messages: readonly string[][];
}

export function describeReady(parts: ReadyParts): string[] {
  const lines: string[] = [];
  const { softState, hardState, snapshot } = parts;
  if (softState !== undefined) {
    lines.push(`Lead:${softState.leader} State:${ROLES[softState.role]}`);
  }
  if (hardState !== undefined) {
    lines.push(describeHardState(hardState));
  }
  if (parts.readStates.length > 0) {
    const reads = parts.readStates.map((read) => `{${read.index} [${read.context}]}`);
    lines.push(`ReadStates [${reads.join(" ")}]`);
  }
  if (parts.entries.length > 0) lines.push("Entries:", ...parts.entries.map(describeEntry));
  if (snapshot !== undefined) lines.push(`Snapshot ${describeSnapshot(snapshot.meta)}`);
  if (parts.committed.length > 0) {
    lines.push("CommittedEntries:", ...parts.committed.map(describeEntry));
  }
  if (parts.messages.length > 0) lines.push("Messages:", ...parts.messages.flat());
  if (lines.length === 0) return ["<empty Ready>"];
  return [`Ready MustSync=${parts.mustSync}:`, ...lines];
}

export function describeHardState({ term, vote, commit }: HardState): string {
  return `HardState Term:${term}${vote === 0 ? "" : ` Vote:${vote}`} Commit:${commit}`;
}

export function describeProgress(progress: FollowerProgress): string {
  const { id, state, match, next, inflight } = progress;
  let line = `${id}: ${STATES[state]} match=${match} next=${next}`;
  if (progress.isLearner) line += " learner";
  if (progress.paused) line += " paused";
  if (progress.pendingSnapshot > 0) line += ` pendingSnap=${progress.pendingSnapshot}`;
  if (!progress.recentActive) line += " inactive";
  if (inflight > 0) line += ` inflight=${inflight}${progress.inflightFull ? "[full]" : ""}`;
  return line;
}

export function describeConfiguration(state: ConfState): string {
  const set = (ids: readonly number[]): string => `(${ids.join(" ")})`;
  let line = `voters=${set(state.voters)}`;
  if (state.votersOutgoing.length > 0) line += `&&${set(state.votersOutgoing)}`;
  if (state.learners.length > 0) line += ` learners=${set(state.learners)}`;
  if (state.learnersNext.length > 0) line += ` learners_next=${set(state.learnersNext)}`;
  if (state.autoLeave) line += " autoleave";
  return line;
}

function describeSnapshot(meta: SnapshotMeta): string {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = meta.confState;
  const set = (ids: readonly number[]): string => `[${ids.join(" ")}]`;
  return (
    `Index:${meta.index} Term:${meta.term} ConfState:Voters:${set(voters)} ` +
    `VotersOutgoing:${set(votersOutgoing)} Learners:${set(learners)} ` +
    `LearnersNext:${set(learnersNext)} AutoLeave:${autoLeave}`
  );
}

function describeLine(line: Line): string[] {
  const { logTerm = 0, index = 0, term = 0, entries = [], responses = [] } = line;
  let head = `${line.from}->${line.to} ${line.type} Term:${term} Log:${logTerm}/${index}`;
  if (line.hint !== undefined) head += ` Rejected (Hint: ${line.hint})`;
  if (line.commit !== undefined && line.commit !== 0) head += ` Commit:${line.commit}`;
  if (line.vote !== undefined && line.vote !== 0) head += ` Vote:${line.vote}`;
  const lines = [head];
  const add = (text: string): void => {
    lines.push(`${lines.pop() ?? ""}${text}`);
  };
  if (entries.length === 1) add(` Entries:[${entries.map(describeEntry).join("")}]`);
  if (entries.length > 1) {
    add(" Entries:[");
    for (const entry of entries) lines.push(`  ${describeEntry(entry)}`);
    lines.push("]");
  }
  if (line.snapshot !== undefined && line.snapshot.index > 0)
    lines.push(`  Snapshot: ${describeSnapshot(line.snapshot)}`);
  if (responses.length > 0) {
    add(" Responses:[");
    for (const response of responses) lines.push(...response.map((text) => `  ${text}`));
    lines.push("]");
  }
  return lines;
}

/** Go's %q for what scenarios propose. */
function quote(data: Uint8Array): string {
  return JSON.stringify(new TextDecoder().decode(data));
}
