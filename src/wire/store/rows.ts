import { toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import * as auditPb from "../../../gen/cabildo/store/v1/audit_pb.js";
import * as peoplePb from "../../../gen/cabildo/store/v1/people_pb.js";
import * as resourcesPb from "../../../gen/cabildo/store/v1/resources_pb.js";
import * as pb from "../../../gen/cabildo/store/v1/rows_pb.js";
import { assert } from "../../base/index.js";
import type { RowCodec, RowCodecs } from "../../machine/index.js";
import { toSafeInteger, toInt64 } from "../int64.js";
import { fromCalendar, toCalendar } from "./calendars.js";
import * as audit from "./audit.js";
import { decode, Malformed, required } from "./decoding.js";
import { fromDelivery, toDelivery } from "./deliveries.js";
import { VISIBILITY } from "./enums.js";
import { encodeReply, fromReply } from "./replies.js";
import { fromSubscriptions, toSubscriptions } from "./subscriptions.js";
import { encodeEvent, fromEvent, fromOccurrences, toOccurrences } from "./events.js";
import { fromRangeMap, toRangeMap } from "./range-map.js";
import * as resources from "./resources.js";
import { ROW_VERSION } from "./row-version.js";
import { WRITER } from "./writer.js";

const OUTCOME = pb.RequestOutcomeSchema.field;
const USAGE = pb.RequestUsageSchema.field;
const EXPIRY = pb.ExpirySchema.field;

/**
 * Decoding fails with corrupt-storage; a row of a newer version is an InvariantViolation: the
 * replica stops.
 */
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
  event: {
    encode: encodeEvent,
    decode: decoder(resourcesPb.EventSchema, fromEvent),
  },
  calendar: codec(resourcesPb.CalendarSchema, toCalendar, fromCalendar),
  calendarIndex: codec(
    pb.CalendarIndexSchema,
    ({ classes, further }) => ({
      $typeName: "cabildo.store.v1.CalendarIndex" as const,
      version: ROW_VERSION,
      classes: [...classes],
      further: [...further],
    }),
    ({ classes, further }) => ({ classes, further }),
  ),
  readGrant: codec(
    pb.ReadGrantSchema,
    ({ since }) => ({
      $typeName: "cabildo.store.v1.ReadGrant" as const,
      version: ROW_VERSION,
      since: toInt64(since),
    }),
    ({ since }) => ({ since: toSafeInteger(since) }),
  ),
  clusterKeys: codec(
    resourcesPb.ClusterKeysSchema,
    resources.toClusterKeys,
    resources.fromClusterKeys,
  ),
  rangeMap: codec(resourcesPb.RangeMapSchema, toRangeMap, fromRangeMap),
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
  invitation: codec(resourcesPb.InvitationSchema, resources.toInvitation, resources.fromInvitation),
  openInvitation: codec(
    pb.OpenInvitationSchema,
    ({ invitation, expireMs }) => ({
      $typeName: "cabildo.store.v1.OpenInvitation" as const,
      version: ROW_VERSION,
      invitation,
      expireMs: toInt64(expireMs),
    }),
    ({ invitation, expireMs }) => ({ invitation, expireMs: toSafeInteger(expireMs) }),
  ),
  outboxRow: codec(
    pb.OutboxRowSchema,
    ({ timeMs, delivery }) => ({
      $typeName: "cabildo.store.v1.OutboxRow" as const,
      version: ROW_VERSION,
      timeMs: toInt64(timeMs),
      delivery: toDelivery(delivery),
    }),
    ({ timeMs, delivery }) => ({
      timeMs: toSafeInteger(timeMs),
      delivery: fromDelivery(required(delivery, "delivery")),
    }),
  ),
  outboxLane: codec(
    pb.OutboxLaneSchema,
    ({ last, done }) => ({
      $typeName: "cabildo.store.v1.OutboxLane" as const,
      version: ROW_VERSION,
      last: toInt64(last),
      done: toInt64(done),
    }),
    ({ last, done }) => ({ last: toSafeInteger(last), done: toSafeInteger(done) }),
  ),
  visibilityDefault: codec(
    pb.VisibilityDefaultSchema,
    ({ visibility, since }) => ({
      $typeName: "cabildo.store.v1.VisibilityDefault" as const,
      version: ROW_VERSION,
      visibility: VISIBILITY.encode(visibility),
      since: toInt64(since),
    }),
    ({ visibility, since }) => ({
      visibility: VISIBILITY.decode(visibility),
      since: toSafeInteger(since),
    }),
  ),
  inbox: codec(
    pb.InboxSchema,
    ({ last }) => ({
      $typeName: "cabildo.store.v1.Inbox" as const,
      version: ROW_VERSION,
      last: toInt64(last),
    }),
    ({ last }) => ({ last: toSafeInteger(last) }),
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
  notification: codec(
    resourcesPb.NotificationSchema,
    resources.toNotification,
    resources.fromNotification,
  ),
  subscriptions: codec(resourcesPb.SubscriptionsSchema, toSubscriptions, fromSubscriptions),
  series: codec(
    pb.SeriesSchema,
    ({ occurrences, exceptedMs }) => ({
      $typeName: "cabildo.store.v1.Series" as const,
      version: ROW_VERSION,
      occurrences: toOccurrences(occurrences),
      exceptedMs: exceptedMs.map(toInt64),
    }),
    ({ occurrences, exceptedMs }) => ({
      occurrences: fromOccurrences(required(occurrences, "occurrences")),
      exceptedMs: exceptedMs.map(toSafeInteger),
    }),
  ),
  occurrence: codec(
    pb.OccurrenceSchema,
    ({ endMs }) => ({
      $typeName: "cabildo.store.v1.Occurrence" as const,
      version: ROW_VERSION,
      endMs: toInt64(endMs),
    }),
    ({ endMs }) => ({ endMs: toSafeInteger(endMs) }),
  ),
  requestOutcome: {
    encode: ({ fingerprint, reply }) => {
      const replyBytes = encodeReply(reply);
      return WRITER.start()
        .uint32(OUTCOME.version.number, ROW_VERSION)
        .text(OUTCOME.fingerprint.number, fingerprint)
        .message(OUTCOME.reply.number, replyBytes)
        .finish();
    },
    decode: decoder(pb.RequestOutcomeSchema, ({ fingerprint, reply }) => ({
      fingerprint,
      reply: fromReply(required(reply, "reply")),
    })),
  },
  requestUsage: {
    encode: ({ timedBytes, opaqueBytes, floorMs }) =>
      WRITER.start()
        .uint32(USAGE.version.number, ROW_VERSION)
        .int64(USAGE.timedBytes.number, timedBytes)
        .int64(USAGE.opaqueBytes.number, opaqueBytes)
        .int64(USAGE.floorMs.number, floorMs)
        .finish(),
    decode: decoder(pb.RequestUsageSchema, ({ timedBytes, opaqueBytes, floorMs }) => ({
      timedBytes: toSafeInteger(timedBytes),
      opaqueBytes: toSafeInteger(opaqueBytes),
      floorMs: toSafeInteger(floorMs),
    })),
  },
  expiry: {
    encode: ({ keys, bytes }) =>
      WRITER.start()
        .uint32(EXPIRY.version.number, ROW_VERSION)
        .texts(EXPIRY.keys.number, keys)
        .int64(EXPIRY.bytes.number, bytes)
        .finish(),
    decode: decoder(pb.ExpirySchema, ({ keys, bytes }) => ({ keys, bytes: toSafeInteger(bytes) })),
  },
  sweepBounds: codec(
    pb.SweepBoundsSchema,
    ({ starts }) => ({
      $typeName: "cabildo.store.v1.SweepBounds" as const,
      version: ROW_VERSION,
      starts: [...starts],
    }),
    ({ starts }) => ({ starts }),
  ),
  loginFailures: codec(
    peoplePb.LoginFailuresSchema,
    ({ count, expireMs }) => ({
      $typeName: "cabildo.store.v1.LoginFailures" as const,
      version: ROW_VERSION,
      count,
      expireMs: toInt64(expireMs),
    }),
    ({ count, expireMs }) => ({ count, expireMs: toSafeInteger(expireMs) }),
  ),
  resetCode: codec(
    peoplePb.ResetCodeSchema,
    ({ user, hash, expireMs }) => ({
      $typeName: "cabildo.store.v1.ResetCode" as const,
      version: ROW_VERSION,
      user,
      hash,
      expireMs: toInt64(expireMs),
    }),
    ({ user, hash, expireMs }) => ({ user, hash, expireMs: toSafeInteger(expireMs) }),
  ),
  auditEntry: codec(auditPb.AuditEntrySchema, audit.toAuditEntry, audit.fromAuditEntry),
  audit: codec(auditPb.AuditRowSchema, audit.toAuditRow, audit.fromAuditRow),
  auditHead: codec(auditPb.AuditHeadSchema, audit.toAuditHead, audit.fromAuditHead),
  auditCheckpoint: codec(
    auditPb.AuditCheckpointSchema,
    audit.toAuditCheckpoint,
    audit.fromAuditCheckpoint,
  ),
};

function codec<Row, Desc extends DescMessage>(
  schema: Desc,
  to: (row: Row) => MessageShape<Desc> & { readonly version: number },
  from: (message: MessageShape<Desc>) => Row,
): RowCodec<Row> {
  return { encode: (row) => toBinary(schema, to(row)), decode: decoder(schema, from) };
}

function decoder<Row, Desc extends DescMessage>(
  schema: Desc,
  from: (message: MessageShape<Desc>) => Row,
): (bytes: Uint8Array) => Row {
  return (bytes) =>
    decode(schema, bytes, "corrupt-storage", (message) => {
      const { version } = message as unknown as { readonly version: number };
      if (version === 0) throw new Malformed("version is missing");
      assert(version === ROW_VERSION, `${schema.name}: row version ${version} is not known`);
      return from(message);
    });
}
