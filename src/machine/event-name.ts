export function eventName(calendar: string, event: string): string {
  return `calendars/${calendar}/events/${event}`;
}
