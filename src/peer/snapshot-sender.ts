import { crc32 } from "node:zlib";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client, ClientDuplexStream } from "@grpc/grpc-js";
import {
  InstallSnapshotRequestSchema,
  type Hello,
  type InstallSnapshotRequest,
  type InstallSnapshotResponse,
} from "../../gen/cabildo/raft/v1/raft_pb.js";
import { ClusterError } from "../base/index.js";
import type { OutgoingSnapshot, SnapshotRow } from "../runtime/index.js";
import {
  encodeConfState,
  encodeRoute,
  encodeSnapshotRows,
  FRAME_BYTES_MAX,
  snapshotRowBytes,
  toUint64,
} from "../wire/index.js";
import { RAFT } from "./raft-service.js";

const CHUNK_BYTES_MAX = FRAME_BYTES_MAX - 1024;

export interface SnapshotSenderOptions {
  readonly signal: AbortSignal;
  /** A transfer of which nothing moves for so long has failed. */
  readonly stallMs: number;
}

type Stream = ClientDuplexStream<InstallSnapshotRequest, InstallSnapshotResponse>;

/**
 * Streams a snapshot over a channel of its own, one chunk at a time: the next is read when the last has left. The receiver
 * says up to which key it has this state's rows: they are skipped. Throws where anything fails. The source stays open.
 */
export async function sendSnapshot(
  client: Client,
  hello: Hello,
  snapshot: OutgoingSnapshot,
  { signal, stallMs }: SnapshotSenderOptions,
): Promise<boolean> {
  const { path, requestSerialize, responseDeserialize } = RAFT.installSnapshot;
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  const answers = new Answers(stream, signal, stallMs);
  try {
    await answers.write({ part: { case: "header", value: header(hello, snapshot) } });
    const place = await answers.next();
    const isKnown = place.snapshotId === snapshotId(snapshot) && place.lastKey.length > 0;
    await answers.orFail(snapshot.source.seek(isKnown ? place.lastKey : undefined));
    await sendRows(answers, snapshot, isKnown ? Number(place.nextOffset) : 0);
    stream.end();
    return (await answers.next()).installed;
  } finally {
    answers.close();
    stream.cancel();
  }
}

/** Equal states have equal ids, whoever sends them. */
function snapshotId({ shard, source }: OutgoingSnapshot): string {
  const { epoch, index, stateHash } = source.state;
  return `${shard}-${epoch}-${index}-${Buffer.from(stateHash).toString("hex")}`;
}

function header(hello: Hello, snapshot: OutgoingSnapshot) {
  const { index, term, confState } = snapshot.source.state;
  return {
    hello,
    route: encodeRoute(snapshot.shard, snapshot),
    snapshotId: snapshotId(snapshot),
    index: toUint64(index),
    term: toUint64(term),
    confState: encodeConfState(confState),
  };
}

async function sendRows(
  answers: Answers,
  { source, pace }: OutgoingSnapshot,
  known: number,
): Promise<void> {
  let offset = known;
  for (;;) {
    const rows = await answers.orFail(source.next(CHUNK_BYTES_MAX));
    if (rows === undefined) break;
    for (const chunk of inChunks(rows)) {
      const request = chunkOf(offset, chunk, false);
      await answers.orFail(pace(request.part.value.rows.length));
      await answers.write(request);
      offset += chunk.length;
    }
  }
  await answers.write(chunkOf(offset, [], true));
}

/** A source gives about as much as it was asked for: what is more goes in several. */
function inChunks(rows: readonly SnapshotRow[]): readonly (readonly SnapshotRow[])[] {
  const chunks: SnapshotRow[][] = [];
  let bytes = Infinity;
  for (const row of rows) {
    const size = snapshotRowBytes(row);
    const last = chunks.at(-1);
    if (last === undefined || bytes + size > CHUNK_BYTES_MAX) {
      chunks.push([row]);
      bytes = size;
    } else {
      last.push(row);
      bytes += size;
    }
  }
  return chunks;
}

function chunkOf(offset: number, chunk: readonly SnapshotRow[], last: boolean) {
  const rows = encodeSnapshotRows(chunk);
  const value = { offset: toUint64(offset), rows, checksum: crc32(rows), last };
  return { part: { case: "chunk" as const, value } };
}

/** One stream's writes and answers, each of which fails when the stream does, stalls, or is called off. */
class Answers {
  readonly #stream: Stream;
  readonly #waiting: InstallSnapshotResponse[] = [];
  #wake: (() => void) | undefined;
  #fail: (error: Error) => void = () => undefined;
  readonly #failed: Promise<never>;
  #timer: NodeJS.Timeout | undefined;
  readonly #forget: () => void;
  readonly #stallMs: number;

  constructor(stream: Stream, signal: AbortSignal, stallMs: number) {
    this.#stream = stream;
    this.#stallMs = stallMs;
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.#failed.catch(() => undefined);
    stream.on("data", (answer: InstallSnapshotResponse) => {
      this.#waiting.push(answer);
      this.#wake?.();
    });
    stream.on("error", (error: Error) => this.#fail(error));
    stream.on("end", () => this.#fail(new ClusterError("unreachable", "the receiver hung up")));
    const stop = () => this.#fail(new ClusterError("stopping", "the transport was closed"));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
    this.#forget = () => signal.removeEventListener("abort", stop);
  }

  write(request: MessageInitShape<typeof InstallSnapshotRequestSchema>): Promise<void> {
    const message = create(InstallSnapshotRequestSchema, request);
    return this.orFail(
      new Promise((resolve, reject) => {
        this.#stream.write(message, (error: Error | null | undefined) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    );
  }

  async next(): Promise<InstallSnapshotResponse> {
    for (;;) {
      const answer = this.#waiting.shift();
      if (answer !== undefined) return answer;
      await this.orFail(new Promise<void>((resolve) => (this.#wake = resolve)));
    }
  }

  close(): void {
    this.#forget();
    clearTimeout(this.#timer);
  }

  /** The step's result, unless the transfer fails before. */
  orFail<T>(step: Promise<T>): Promise<T> {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#fail(new ClusterError("unreachable", `nothing moved for ${this.#stallMs} ms`)),
      this.#stallMs,
    );
    return Promise.race([step, this.#failed]);
  }
}
