/** The only translation between `gen/` messages and the types of the other folders. */
export { toSafeInteger, toUint64 } from "./int64.js";
export {
  channelOptions,
  ERROR_CODE_TRAILER,
  FRAME_BYTES_MAX,
  isMalformed,
  MESSAGE_BYTES_MAX,
  serverIdentityCheck,
  serviceDefinition,
} from "./grpc.js";
export type { RpcDefinition, RpcMethod } from "./grpc.js";
export { CertificateProvider } from "./tls-material.js";
export type { TlsMaterial } from "./tls-material.js";
export { requireIdentity } from "./rpc-identity.js";
export type { AuthenticatedCall } from "./rpc-identity.js";
export {
  decodeAppendRequest,
  decodeAppendResponse,
  decodeConfState,
  decodeHello,
  decodeReadIndexRequest,
  decodeReadIndexResponse,
  decodeRoute,
  decodeTimeoutNow,
  decodeVoteRequest,
  decodeVoteResponse,
  encodeConfState,
  encodeHello,
  encodeRoute,
} from "./peer.js";
export type { MessageOf } from "./peer.js";
export {
  frameRequests,
  frameResponses,
  requestFrameBytes,
  responseFrameBytes,
} from "./peer-frames.js";
export type { Backward, Forward, Frame } from "./peer-frames.js";
export { decodeSnapshotRows, encodeSnapshotRows, snapshotRowBytes } from "./snapshot-rows.js";
export { toInt64 } from "./int64.js";
export {
  createStoreCodec,
  decodeChange,
  decodeCommand,
  decodeQuery,
  decodeQueryReply,
  decodeReply,
  encodeChange,
  encodeCommand,
  encodeQuery,
  encodeQueryReply,
  encodeReply,
} from "./store/index.js";
export {
  decodeCalls,
  decodeFeed,
  decodeReplies,
  encodeFeed,
  feedBytes,
  ANY_RANGE_VERSION,
  frameCalls,
  frameReplies,
  toShardFailure,
} from "./shard.js";
export type { FeedFrame, ShardCall, ShardFailure, ShardOperation, ShardReply } from "./shard.js";
export { createReflection } from "./reflection.js";
export type { Reflection } from "./reflection.js";
export {
  auditCheckpointToPublic,
  auditEntryFromPublic,
  auditEntryToPublic,
  auditFilterFromPublic,
  calendarContentFromPublic,
  calendarToPublic,
  changeToPublic,
  contentFromPublic,
  eventToPublic,
  GROUP_KIND,
  groupToPublic,
  invitationToPublic,
  MEMBER_ROLE,
  memberToPublic,
  notificationToPublic,
  RESPONSE,
  sessionToPublic,
  subscriptionsToPublic,
  userContentFromPublic,
  timestampToMs,
  userToPublic,
} from "./public/index.js";
export type { EventPlace, FieldFault } from "./public/index.js";
export { codeName, toConnectError } from "./connect-error.js";
export { traceContextOf } from "./trace-context.js";
export type { TraceContext } from "./trace-context.js";
export { ERROR_DETAILS, toRestError } from "./rest-error.js";
export type { RestError } from "./rest-error.js";
export { jsonOptions } from "./json-options.js";
export { decodeJson, decodeRequest, parseJson } from "./decode-request.js";
export { canonicalBytes } from "./canonical.js";
export { clearFields } from "./clear-fields.js";
export { changeToJson } from "./change-json.js";
export { retryAfterMsOf, STATUS_NAMES } from "./status.js";
export { requireValid } from "./validation.js";
