import { Metadata, type Client, type ClientReadableStream, type ServiceError } from "@grpc/grpc-js";
import type { ChangesRequest, ChangesResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { ClusterError } from "../base/index.js";
import { decodeFeed, type FeedFrame } from "../wire/index.js";
import type { ShardClock } from "./clock.js";
import { toClusterError } from "./rpc-error.js";
import { SHARD } from "./shard-service.js";

/** Bookmarks come each second: a replica that says nothing for this long is left. */
const SILENCE_MS = 2000;
const WAITING_FRAMES_MAX = 4;

/** One Changes stream of one replica. A reader that is slow leaves the frames to flow control. */
export class FeedSession {
  readonly #stream: ClientReadableStream<ChangesResponse>;
  readonly #clock: ShardClock;
  readonly #frames: FeedFrame[] = [];
  #ended: ClusterError | undefined;
  #wake: () => void = () => undefined;

  constructor(client: Client, request: ChangesRequest, clock: ShardClock) {
    this.#clock = clock;
    const { path, requestSerialize, responseDeserialize } = SHARD.changes;
    this.#stream = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
    );
    this.#stream.on("data", (response: ChangesResponse) => this.#receive(response));
    this.#stream.on("error", (error: ServiceError) => this.#end(toClusterError(error)));
    this.#stream.on("end", () => this.#end(new ClusterError("unreachable", "the feed ended")));
  }

  /** The next frame; throws a ClusterError when there is none any more. */
  async next(): Promise<FeedFrame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) {
        if (this.#frames.length < WAITING_FRAMES_MAX) this.#stream.resume();
        return frame;
      }
      if (this.#ended !== undefined) throw this.#ended;
      await this.#heard();
    }
  }

  close(): void {
    this.#stream.cancel();
    this.#end(new ClusterError("canceled", "the feed was closed"));
  }

  #heard(): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#clock.after(SILENCE_MS, () => {
        this.#end(new ClusterError("unreachable", "the feed fell silent"));
      });
      this.#wake = () => {
        stop();
        resolve();
      };
    });
  }

  #receive(response: ChangesResponse): void {
    try {
      this.#frames.push(decodeFeed(response));
    } catch (error) {
      this.#stream.cancel();
      this.#end(error instanceof ClusterError ? error : new ClusterError("internal", "no frame"));
    }
    if (this.#frames.length >= WAITING_FRAMES_MAX) this.#stream.pause();
    this.#wake();
  }

  #end(error: ClusterError): void {
    this.#ended ??= error;
    this.#wake();
  }
}
