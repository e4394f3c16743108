/**
 * Whose calendar it is, told by its key alone: a key never changes and never passes to someone
 * else.
 */
export type CalendarOwner =
  | { readonly kind: "user"; readonly user: string }
  | { readonly kind: "group"; readonly group: string };

const ID = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
/** The name that a user's further calendar cannot have. */
const GROUP_CALENDAR = "group";

/** Whether a text can be the id of a user or group, or the name of a calendar. */
export function isId(text: string): boolean {
  return ID.test(text);
}

/**
 * `{user}` or `{user}.{name}` is a user's calendar, `{group}.group` a group's; undefined for what
 * is no calendar key.
 */
export function calendarOwner(key: string): CalendarOwner | undefined {
  const dot = key.indexOf(".");
  if (dot === -1) return isId(key) ? { kind: "user", user: key } : undefined;
  const id = key.slice(0, dot);
  const name = key.slice(dot + 1);
  if (!isId(id) || !isId(name)) return undefined;
  return name === GROUP_CALENDAR ? { kind: "group", group: id } : { kind: "user", user: id };
}
