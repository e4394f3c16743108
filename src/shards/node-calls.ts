import { create } from "@bufbuild/protobuf";
import { Metadata, type Client } from "@grpc/grpc-js";
import {
  AddLearnerRequestSchema,
  ClusterService,
  TransferLeaderRequestSchema,
} from "../../gen/cabildo/admin/v1/admin_pb.js";
import { StatusRequestSchema, type StatusResponse } from "../../gen/cabildo/shard/v1/shard_pb.js";
import { ClusterError } from "../base/index.js";
import { serviceDefinition, type RpcMethod } from "../wire/index.js";
import type { TlsMaterial } from "../wire/index.js";
import { createDial, type Dial, type NodeAddress } from "./dial.js";
import { toClusterError } from "./rpc-error.js";
import { SHARD } from "./shard-service.js";

const CLUSTER = serviceDefinition(ClusterService);

/** Single calls to single nodes: rare ones, made beside the streams. Failures are ClusterErrors. */
export interface NodeCalls {
  status(node: string, timeoutMs: number): Promise<StatusResponse>;
  /** Resolves with the name of the node that leads then. */
  transferLeader(
    node: string,
    transfer: { readonly shard: string; readonly toNode: string },
    timeoutMs: number,
  ): Promise<string>;
  /** Asks a shard's leader for a new replica on the calling node; resolves with its id. */
  addLearner(
    node: string,
    learner: {
      readonly shard: string;
      readonly node: string;
      readonly address: string;
      readonly raftAddress: string;
      readonly storeId: string;
      readonly featureLevel: number;
    },
    timeoutMs: number,
  ): Promise<number>;
  /** Nodes may come, and move. */
  learn(nodes: readonly NodeAddress[]): void;
  close(): void;
}

export interface NodeCallsOptions {
  readonly nodes: readonly NodeAddress[];
  readonly tls: TlsMaterial;
  readonly clusterName: string;
}

export function createNodeCalls(options: NodeCallsOptions): NodeCalls {
  const channels = new NodeChannels(options.nodes, createDial(options.clusterName, options.tls));
  return {
    status: (node, timeoutMs) => channels.status(node, timeoutMs),
    transferLeader: async (node, transfer, timeoutMs) => {
      const request = create(TransferLeaderRequestSchema, transfer);
      return (await channels.call(node, CLUSTER.transferLeader, request, timeoutMs)).leader;
    },
    addLearner: async (node, learner, timeoutMs) => {
      const request = create(AddLearnerRequestSchema, learner);
      return (await channels.call(node, CLUSTER.addLearner, request, timeoutMs)).replica;
    },
    learn: (nodes) => channels.learn(nodes),
    close: () => channels.close(),
  };
}

/** One channel a node, opened when first asked for and kept by grpc-js. */
export class NodeChannels {
  readonly #addresses = new Map<string, string>();
  readonly #dial: Dial;
  readonly #clients = new Map<string, Client>();

  constructor(nodes: readonly NodeAddress[], dial: Dial) {
    this.#dial = dial;
    this.learn(nodes);
  }

  learn(nodes: readonly NodeAddress[]): void {
    for (const { name, address } of nodes) {
      if (address === "" || this.#addresses.get(name) === address) continue;
      this.#addresses.set(name, address);
      this.#clients.get(name)?.close();
      this.#clients.delete(name);
    }
  }

  findAddress(name: string): string | undefined {
    return this.#addresses.get(name);
  }

  clientOf(name: string): Client {
    let client = this.#clients.get(name);
    if (client === undefined) {
      const address = this.#addresses.get(name);
      if (address === undefined) throw new ClusterError("unreachable", `there is no node ${name}`);
      client = this.#dial({ name, address });
      this.#clients.set(name, client);
    }
    return client;
  }

  async status(node: string, timeoutMs: number): Promise<StatusResponse> {
    const answer = await this.call(node, SHARD.status, create(StatusRequestSchema), timeoutMs);
    if (answer.node === node) return answer;
    throw new ClusterError("internal", `${node} answers as ${answer.node}`);
  }

  async call<Request, Response>(
    node: string,
    method: RpcMethod<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    const client = this.clientOf(node);
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new Metadata(),
        { deadline: Date.now() + timeoutMs },
        (error, response) => {
          if (error !== null) reject(toClusterError(error));
          else if (response === undefined) reject(new ClusterError("internal", "no response"));
          else resolve(response);
        },
      );
    });
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }
}
