/** Public messages and the types of the domain. */
export {
  auditCheckpointToPublic,
  auditEntryFromPublic,
  auditEntryToPublic,
  auditFilterFromPublic,
} from "./audit.js";
export { calendarContentFromPublic, calendarToPublic } from "./calendars.js";
export { changeToPublic } from "./changes.js";
export type { ChangePlace } from "./changes.js";
export { GROUP_KIND, MEMBER_ROLE, RESPONSE } from "./enums.js";
export { contentFromPublic, eventToPublic } from "./events.js";
export type { EventPlace, FieldFault } from "./events.js";
export {
  groupToPublic,
  invitationToPublic,
  memberToPublic,
  sessionToPublic,
  userContentFromPublic,
  userToPublic,
} from "./people.js";
export { notificationToPublic } from "./notifications.js";
export { subscriptionsToPublic } from "./subscriptions.js";
export { timestampToMs } from "./times.js";
