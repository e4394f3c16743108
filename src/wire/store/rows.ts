import { toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import * as resourcesPb from "../../../gen/cabildo/store/v1/resources_pb.js";
import * as pb from "../../../gen/cabildo/store/v1/rows_pb.js";
import { assert } from "../../base/index.js";
import type { RowCodec, RowCodecs } from "../../machine/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import { decode, Malformed, required } from "./decoding.js";
import { fromReply, toReply } from "./replies.js";
import * as resources from "./resources.js";
import { ROW_VERSION } from "./resources.js";

/** Decoding fails with corrupt-storage; a row of a newer version is an InvariantViolation: the replica stops. */
export const ROW_CODECS: RowCodecs = {
  user: codec(resourcesPb.UserSchema, resources.toUser, resources.fromUser),
  credentials: codec(
    resourcesPb.CredentialsSchema,
    resources.toCredentials,
    resources.fromCredentials,
  ),
  session: codec(resourcesPb.SessionSchema, resources.toSession, resources.fromSession),
  group: codec(resourcesPb.GroupSchema, resources.toGroup, resources.fromGroup),
  member: codec(resourcesPb.MemberSchema, resources.toMember, resources.fromMember),
  event: codec(resourcesPb.EventSchema, resources.toEvent, resources.fromEvent),
  clusterKeys: codec(
    resourcesPb.ClusterKeysSchema,
    resources.toClusterKeys,
    resources.fromClusterKeys,
  ),
  emailOwner: codec(
    pb.EmailOwnerSchema,
    ({ user }) => ({
      $typeName: "cabildo.store.v1.EmailOwner" as const,
      version: ROW_VERSION,
      user,
    }),
    ({ user }) => ({ user }),
  ),
  bootstrapUse: codec(
    pb.BootstrapUseSchema,
    ({ user, hash, timeMs }) => ({
      $typeName: "cabildo.store.v1.BootstrapUse" as const,
      version: ROW_VERSION,
      user,
      hash,
      timeMs: toInt64(timeMs),
    }),
    ({ user, hash, timeMs }) => ({ user, hash, timeMs: toSafeInteger(timeMs) }),
  ),
  memberCount: codec(
    pb.MemberCountSchema,
    ({ members }) => ({
      $typeName: "cabildo.store.v1.MemberCount" as const,
      version: ROW_VERSION,
      members,
    }),
    ({ members }) => ({ members }),
  ),
  requestOutcome: codec(
    pb.RequestOutcomeSchema,
    ({ fingerprint, reply }) => ({
      $typeName: "cabildo.store.v1.RequestOutcome" as const,
      version: ROW_VERSION,
      fingerprint,
      reply: toReply(reply),
    }),
    ({ fingerprint, reply }) => ({ fingerprint, reply: fromReply(required(reply, "reply")) }),
  ),
  requestUsage: codec(
    pb.RequestUsageSchema,
    ({ timedBytes, opaqueBytes, floorMs }) => ({
      $typeName: "cabildo.store.v1.RequestUsage" as const,
      version: ROW_VERSION,
      timedBytes: toInt64(timedBytes),
      opaqueBytes: toInt64(opaqueBytes),
      floorMs: toInt64(floorMs),
    }),
    ({ timedBytes, opaqueBytes, floorMs }) => ({
      timedBytes: toSafeInteger(timedBytes),
      opaqueBytes: toSafeInteger(opaqueBytes),
      floorMs: toSafeInteger(floorMs),
    }),
  ),
  expiry: codec(
    pb.ExpirySchema,
    ({ keys, bytes }) => ({
      $typeName: "cabildo.store.v1.Expiry" as const,
      version: ROW_VERSION,
      keys: [...keys],
      bytes: toInt64(bytes),
    }),
    ({ keys, bytes }) => ({ keys, bytes: toSafeInteger(bytes) }),
  ),
  sweepBounds: codec(
    pb.SweepBoundsSchema,
    ({ starts }) => ({
      $typeName: "cabildo.store.v1.SweepBounds" as const,
      version: ROW_VERSION,
      starts: [...starts],
    }),
    ({ starts }) => ({ starts }),
  ),
};

function codec<Row, Desc extends DescMessage>(
  schema: Desc,
  to: (row: Row) => MessageShape<Desc> & { readonly version: number },
  from: (message: MessageShape<Desc>) => Row,
): RowCodec<Row> {
  return {
    encode: (row) => toBinary(schema, to(row)),
    decode: (bytes) =>
      decode(schema, bytes, "corrupt-storage", (message) => {
        const { version } = message as unknown as { readonly version: number };
        if (version === 0) throw new Malformed("version is missing");
        assert(version === ROW_VERSION, `${schema.name}: row version ${version} is not known`);
        return from(message);
      }),
  };
}
