import { create } from "@bufbuild/protobuf";
import { NotificationSchema } from "../../../gen/cabildo/v1/notifications_pb.js";
import type { Notification } from "../../../gen/cabildo/v1/notifications_pb.js";
import type * as domain from "../../domain/index.js";
import { toTimestamp } from "./times.js";

export function notificationToPublic(notification: domain.Notification): Notification {
  return create(NotificationSchema, {
    name: `users/${notification.user}/notifications/${notification.id}`,
    type: notification.type,
    subject: notification.subject,
    text: notification.text,
    createTime: toTimestamp(notification.createTimeMs),
    readTime: toTimestamp(notification.readTimeMs),
  });
}
