import type { Handler, MethodName } from "../handlers.js";
import { agendaHandlers } from "./agenda.js";
import { auditHandlers } from "./audit.js";
import { authHandlers } from "./auth.js";
import { calendarHandlers } from "./calendars.js";
import type { ServiceContext } from "./context.js";
import { eventBatchHandlers } from "./event-batches.js";
import { eventListHandlers } from "./event-lists.js";
import { eventHandlers } from "./events.js";
import { groupHandlers } from "./groups.js";
import { invitationHandlers } from "./invitations.js";
import { memberHandlers } from "./members.js";
import { notificationHandlers } from "./notifications.js";
import { routeHandlers } from "./routes.js";
import { subscriptionHandlers } from "./subscriptions.js";
import { syncHandlers } from "./sync.js";
import { userHandlers } from "./users.js";

/** What does the work of each method. */
export function createHandlers(context: ServiceContext): ReadonlyMap<MethodName, Handler> {
  const handlers = [
    ...auditHandlers(context),
    ...authHandlers(context),
    ...routeHandlers(),
    ...userHandlers(context),
    ...groupHandlers(context),
    ...memberHandlers(context),
    ...invitationHandlers(context),
    ...calendarHandlers(context),
    ...eventHandlers(context),
    ...eventListHandlers(context),
    ...eventBatchHandlers(context),
    ...subscriptionHandlers(context),
    ...syncHandlers(context),
    ...agendaHandlers(context),
    ...notificationHandlers(context),
  ];
  return new Map(handlers.map((handler) => [handler.method, handler]));
}
