import { create } from "@bufbuild/protobuf";
import {
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
  type HealthCheckResponse,
} from "../../gen/grpc/health/v1/health_pb.js";
import type { NodeContext } from "./context.js";

/** The names that can be asked for: the node itself (empty), its services, and `shard/<name>` of each replica. */
export class NodeHealth {
  readonly #context: NodeContext;
  readonly #services: readonly string[];

  constructor(context: NodeContext, services: readonly string[]) {
    this.#context = context;
    this.#services = services;
  }

  get names(): readonly string[] {
    const shards = this.#context.options.replicas.map(
      ({ shard }) => `shard/${this.#context.shardName(shard)}`,
    );
    return ["", ...this.#services, ...shards];
  }

  check(name: string): HealthCheckResponse | undefined {
    if (!this.names.includes(name)) return undefined;
    const serving = !this.#context.closing.signal.aborted && this.#serves(name);
    const status = serving ? Serving.SERVING : Serving.NOT_SERVING;
    return create(HealthCheckResponseSchema, { status });
  }

  /** A replica serves where it knows a leader: it answers or says who does. */
  #serves(name: string): boolean {
    if (!name.startsWith("shard/")) return true;
    const shard = name.slice("shard/".length);
    return this.#context.options.replicas.some(
      (replica) =>
        this.#context.shardName(replica.shard) === shard && replica.status().leaderNode !== "",
    );
  }
}
