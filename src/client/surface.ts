/** What both entries have in common. */
export { Cabildo } from "./cabildo.js";
export type { CabildoOptions } from "./cabildo.js";
export { Live } from "./live.js";
export type { LiveListener } from "./live.js";
export type { LiveCounters, LiveState } from "./live-link.js";
export type { ShardState } from "./frames.js";
export { isGone, reasonOf } from "./refusals.js";
export type { OpenSocket } from "./live-socket.js";
export type { LiveEvent, Subscription } from "./subscription.js";
export type { TokenSource, Tokens, TokenStore } from "./tokens.js";
export type { CalendarWatcher, WatchedCalendar } from "./watch-calendar.js";
