/** Pure: the one table of rights, shared by machine, gateway and fan-out. Default deny. */
export { calendarOwner, isId } from "./calendar-owner.js";
export type { CalendarOwner } from "./calendar-owner.js";
export { decide, isAction } from "./decide.js";
export type { Decision } from "./decide.js";
export { findEndedRight, standingChannel } from "./ended-right.js";
export type { EndedRight } from "./ended-right.js";
export type { Facts, Membership } from "./facts.js";
export { PRIVACY, sightOf } from "./privacy.js";
export { relationToEvent, seenAs, takesTime } from "./seen-as.js";
export { ShownChange } from "./shown-change.js";
export type { Form } from "./shown-change.js";
export type { Relation, Sight } from "./privacy.js";
export type { Action } from "./rights.js";
