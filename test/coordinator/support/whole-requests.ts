import { Response } from "../../../gen/cabildo/v1/events_pb.js";
import { MemberRole } from "../../../gen/cabildo/v1/groups_pb.js";
import { eventInit } from "../../gateway/support.js";
import { NEW_RANK, NEWCOMER } from "./cast.js";
import type { Init, Objects } from "./methods.js";

/** What a request needs beside the name of what it is about to be done, by method; `position` is the end of a list. */
export function wholeRequest(method: string, { calendar, event }: Objects, position: string): Init {
  const parent = `calendars/${calendar}`;
  const names = [`${parent}/events/${event}`];
  const newcomer = `users/${NEWCOMER}`;
  const more: Readonly<Record<string, Init>> = {
    UpdateCalendar: { calendar: { displayName: "Agenda" } },
    AddReader: { reader: newcomer },
    RemoveReader: { reader: "users/rita" },
    CreateEvent: { event: eventInit() },
    UpdateEvent: { event: { title: "Another" } },
    RespondEvent: { response: Response.ACCEPTED },
    BatchGetEvents: { names },
    BatchCreateEvents: { requests: [{ parent, event: eventInit() }] },
    ImportEvents: { icalendar: ICALENDAR },
    BatchDeleteEvents: { names },
    SyncEvents: { syncToken: position },
    UpdateGroup: { group: { displayName: "Council" } },
    AddMember: { member: { user: newcomer, role: MemberRole.MEMBER, rank: NEW_RANK } },
    UpdateMember: { member: { role: MemberRole.OBSERVER }, updateMask: { paths: ["role"] } },
    TransferLeadership: { successor: "users/max" },
    CreateInvitation: {
      invitation: { invitee: newcomer, role: MemberRole.MEMBER, rank: NEW_RANK },
    },
    UpdateSubscriptions: { subscriptions: { channels: ["calendars/ana"] } },
    UpdateUser: { user: { displayName: "Ana" } },
    SetClusterRoles: { clusterRoles: ["auditor"] },
  };
  return more[method] ?? {};
}

const ICALENDAR = [
  "BEGIN:VCALENDAR",
  "VERSION:2.0",
  "PRODID:-//Example//EN",
  "BEGIN:VEVENT",
  "UID:1@example.org",
  "DTSTAMP:20300101T000000Z",
  "DTSTART:20300101T100000Z",
  "DTEND:20300101T110000Z",
  "SUMMARY:Council",
  "END:VEVENT",
  "END:VCALENDAR",
  "",
].join("\r\n");
