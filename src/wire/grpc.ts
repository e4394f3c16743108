import { checkServerIdentity, type PeerCertificate } from "node:tls";
import {
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type DescService,
  type MessageShape,
} from "@bufbuild/protobuf";
import { parseIdentity, type IdentityRole } from "../base/index.js";

/** Largest message that any process of the cluster takes. */
export const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;
/** Bound of what one frame of a shared stream carries, so that nothing waits long behind it. */
export const FRAME_BYTES_MAX = 256 * 1024;
/** Trailer with the error code of a call that failed. */
export const ERROR_CODE_TRAILER = "cabildo-error";

/** One method as grpc-js wants it: plain functions and flags, so that no part has to know grpc-js to make one. */
export interface RpcMethod<Request, Response> {
  readonly path: string;
  readonly originalName: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (message: Request) => Buffer;
  /** Never throws: see `isMalformed`. */
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (message: Response) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

type MethodOf<Method> = Method extends {
  readonly input: infer Input extends DescMessage;
  readonly output: infer Output extends DescMessage;
}
  ? RpcMethod<MessageShape<Input>, MessageShape<Output>>
  : never;

type ServiceLike = Omit<DescService, "method">;

export type RpcDefinition<Service extends { readonly method: object }> = {
  readonly [Name in keyof Service["method"]]: MethodOf<Service["method"][Name]>;
};

/** Requests that were no protobuf: grpc-js would answer INTERNAL for them, and the fault is the caller's. */
const malformed = new WeakSet<object>();

/** True for what stands in for a request that could not be decoded. Every handler asks first. */
export function isMalformed(request: object): boolean {
  return malformed.has(request);
}

export function serviceDefinition<Service extends ServiceLike & { readonly method: object }>(
  service: Service,
): RpcDefinition<Service> {
  const methods = service.methods.map((method) => [method.localName, rpcMethod(method)]);
  return Object.fromEntries(methods) as RpcDefinition<Service>;
}

function rpcMethod(method: DescMethod): RpcMethod<object, object> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    originalName: method.localName,
    requestStream:
      method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
    responseStream:
      method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    requestSerialize: encoder(method.input),
    requestDeserialize: (bytes) => {
      try {
        return decode(method.input, bytes);
      } catch {
        const standIn = {};
        malformed.add(standIn);
        return standIn;
      }
    },
    responseSerialize: encoder(method.output),
    responseDeserialize: (bytes) => decode(method.output, bytes),
  };
}

function encoder(schema: DescMessage): (message: object) => Buffer {
  return (message) => {
    const bytes = toBinary(schema, message as MessageShape<DescMessage>, {
      writeUnknownFields: false,
    });
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

/** Byte fields of the result are views of `bytes`, and plain Uint8Arrays. */
function decode(schema: DescMessage, bytes: Buffer): object {
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return fromBinary(schema, plain, { readUnknownFields: false });
}

/**
 * Channel options of every client inside the cluster. `name` is what the server's certificate must bear. A local subchannel
 * pool keeps channels with equal options from sharing one connection; no proxy of the environment is used.
 */
export function channelOptions(name: string): Record<string, string | number> {
  return {
    "grpc.ssl_target_name_override": name,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.keepalive_time_ms": 2000,
    "grpc.keepalive_timeout_ms": 3000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    // A container that was started again has another address under the same name.
    "grpc.dns_min_time_between_resolutions_ms": 1000,
    "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc-node.flow_control_window": 1024 * 1024,
    "grpc.enable_channelz": 0,
    "grpc.enable_retries": 0,
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
  };
}

/** Checks that a server is who we meant to call, by its host name and by its identity in our cluster. */
export function serverIdentityCheck(expected: {
  readonly cluster: string;
  readonly role: IdentityRole;
}): (name: string, certificate: PeerCertificate) => Error | undefined {
  return (name, certificate) => {
    const mismatch = checkServerIdentity(name, certificate);
    if (mismatch !== undefined) return mismatch;
    const identity = parseIdentity(certificate.subjectaltname ?? "");
    if (
      identity?.cluster === expected.cluster &&
      identity.role === expected.role &&
      identity.name === name
    ) {
      return undefined;
    }
    return new Error(
      `the certificate is not that of cabildo://${expected.cluster}/${expected.role}/${name}`,
    );
  };
}
