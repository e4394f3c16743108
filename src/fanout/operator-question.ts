import { ClusterError } from "../base/index.js";
import type { RangeMap } from "../placement/index.js";
import { isPersonal, parseChannel } from "./channels.js";
import type { Fields, OperatorCommand } from "./commands.js";

/** Whose connections are meant: those of a user, or those that hear a channel. */
export type Subject =
  | { readonly kind: "user"; readonly name: string; readonly user: string }
  | { readonly kind: "channel"; readonly name: string };

export type OperatorQuestion =
  | { readonly kind: "inspect"; readonly subject: Subject; readonly connectionsMax: number }
  | {
      readonly kind: "may";
      readonly subject: Extract<Subject, { kind: "user" }>;
      readonly channel: string;
    }
  /** Without a subject: no more. */
  | { readonly kind: "trace"; readonly subject: Subject | undefined };

const CONNECTIONS_MAX = 1_000;
const CONNECTIONS_DEFAULT = 100;

/** Fails with `invalid-argument`. */
export function parseQuestion(
  { kind, asked }: OperatorCommand,
  rangeMap: RangeMap,
): OperatorQuestion {
  switch (kind) {
    case "trace": {
      const isEnd = asked["user"] === undefined && asked["channel"] === undefined;
      return { kind, subject: isEnd ? undefined : parseSubject(asked, rangeMap) };
    }
    case "inspect":
      return { kind, subject: parseSubject(asked, rangeMap), connectionsMax: parseLimit(asked) };
    case "may":
      return {
        kind,
        subject: parseUser(asked["user"], rangeMap),
        channel: parseName(asked["channel"], rangeMap),
      };
  }
}

function parseSubject({ user, channel }: Fields, rangeMap: RangeMap): Subject {
  if ((user === undefined) === (channel === undefined)) {
    throw fault("user", "say either a user or a channel");
  }
  if (user !== undefined) return parseUser(user, rangeMap);
  return { kind: "channel", name: parseName(channel, rangeMap) };
}

function parseUser(name: unknown, rangeMap: RangeMap): Extract<Subject, { kind: "user" }> {
  // Everybody has a channel of their own name.
  if (typeof name !== "string" || !isPersonal(name) || !parseChannel(name, rangeMap)) {
    throw fault("user", "user must be a name such as users/ana");
  }
  return { kind: "user", name, user: name.slice("users/".length) };
}

function parseName(channel: unknown, rangeMap: RangeMap): string {
  if (typeof channel === "string" && parseChannel(channel, rangeMap)) return channel;
  throw fault("channel", "channel must be the name of one, such as calendars/ana");
}

function parseLimit({ limit = CONNECTIONS_DEFAULT }: Fields): number {
  const isLimit =
    typeof limit === "number" && Number.isInteger(limit) && limit > 0 && limit <= CONNECTIONS_MAX;
  if (isLimit) return limit;
  throw fault("limit", `limit must be a whole number from 1 to ${CONNECTIONS_MAX}`);
}

function fault(field: string, description: string): ClusterError {
  return new ClusterError("invalid-argument", description, {
    violations: [{ field, description }],
  });
}
