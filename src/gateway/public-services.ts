import type { DescService } from "@bufbuild/protobuf";
import { AuditService, RouteService } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { file_cabildo_v1_agenda } from "../../gen/cabildo/v1/agenda_pb.js";
import { file_cabildo_v1_auth } from "../../gen/cabildo/v1/auth_pb.js";
import { file_cabildo_v1_calendars } from "../../gen/cabildo/v1/calendars_pb.js";
import { file_cabildo_v1_events } from "../../gen/cabildo/v1/events_pb.js";
import { file_cabildo_v1_groups } from "../../gen/cabildo/v1/groups_pb.js";
import { file_cabildo_v1_notifications } from "../../gen/cabildo/v1/notifications_pb.js";
import { file_cabildo_v1_subscriptions } from "../../gen/cabildo/v1/subscriptions_pb.js";
import { file_cabildo_v1_sync } from "../../gen/cabildo/v1/sync_pb.js";
import { file_cabildo_v1_users } from "../../gen/cabildo/v1/users_pb.js";

/** The whole public API: a method that is added to one of these files is served without a line here. */
export const PUBLIC_SERVICES: readonly DescService[] = [
  AuditService,
  RouteService,
  ...[
    file_cabildo_v1_agenda,
    file_cabildo_v1_auth,
    file_cabildo_v1_calendars,
    file_cabildo_v1_events,
    file_cabildo_v1_groups,
    file_cabildo_v1_notifications,
    file_cabildo_v1_subscriptions,
    file_cabildo_v1_sync,
    file_cabildo_v1_users,
  ].flatMap((file) => file.services),
];
