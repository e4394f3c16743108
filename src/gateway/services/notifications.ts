import { NotificationService } from "../../../gen/cabildo/v1/notifications_pb.js";
import type {
  ListNotificationsRequest,
  MarkAllNotificationsReadRequest,
  MarkNotificationReadRequest,
} from "../../../gen/cabildo/v1/notifications_pb.js";
import { notificationToPublic } from "../../wire/index.js";
import { notFound } from "../faults.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseNotification, parseUser } from "../names.js";
import { Pages } from "../page-tokens.js";
import type { ServiceContext } from "./context.js";

const PAGE_SIZE_DEFAULT = 50;
const { method } = NotificationService;
/** What the shard answers while there are more to mark than fit one command. */
const MORE = "notifications/more";
/** As many as a user can have in ninety days and then some: an end even for a fault of ours. */
const ROUNDS_MAX = 100;

/** What a user was told is kept where the user's calendar is. */
export function notificationHandlers(context: ServiceContext): readonly Handler[] {
  return [
    unary(method.listNotifications, (call, request) => list(context, call, request)),
    unary(method.markNotificationRead, (call, request) => markRead(call, request)),
    unary(method.markAllNotificationsRead, (call, request) => markAllRead(call, request)),
  ];
}

async function list(context: ServiceContext, call: Call, request: ListNotificationsRequest) {
  const user = requireOwn(call, parseUser(request.parent, "parent"));
  const { positions } = context;
  const tokens = context.positionTokens();
  const pages = new Pages(tokens, positions, call.caller, method.listNotifications, request);
  const { after, first } = pages.place;
  const pageSize = request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize;
  const { answer, position } = await call.shards.read(
    call.shards.of("calendars", user),
    call.caller,
    { kind: "list-notifications", user, pageSize, after, unreadOnly: request.unreadOnly },
    pages.notBefore,
  );
  const from = first ?? position;
  return {
    notifications: answer.notifications.map(notificationToPublic),
    nextPageToken: pages.token(answer.next, from),
    position: context.encode(from),
  };
}

async function markRead(call: Call, request: MarkNotificationReadRequest) {
  const { user, notification } = parseNotification(request.name, "name");
  requireOwn(call, user);
  const { resource } = await call.shards.execute(
    call.shards.of("calendars", user),
    call.caller,
    { kind: "mark-notification-read", user, notification },
    { method: method.markNotificationRead, request },
  );
  if (resource?.kind !== "notification") throw notFound(request.name);
  return notificationToPublic(resource.notification);
}

/** Each round has an id of its own: those that were marked are not there to be marked again. */
async function markAllRead(call: Call, request: MarkAllNotificationsReadRequest) {
  const user = requireOwn(call, parseUser(request.parent, "parent"));
  const shard = call.shards.of("calendars", user);
  const operation = { kind: "mark-all-notifications-read", user } as const;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { name } = await call.shards.execute(shard, call.caller, operation);
    if (name !== MORE) break;
  }
  return {};
}

function requireOwn({ caller }: Call, user: string): string {
  if (caller.kind === "user" && caller.user === user) return user;
  throw notFound(`users/${user}`);
}
