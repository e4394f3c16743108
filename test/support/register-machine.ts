import type { Command, Operation, Query } from "../../src/domain/index.js";
import type { Machine, View } from "../../src/machine/index.js";
import type { EntryCodec } from "../../src/runtime/index.js";

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** The simplest state machine that shows lost, repeated and misplaced writes: a list of titles a calendar. */
export const REGISTER_CODEC: EntryCodec = {
  decodeCommand: (bytes) => JSON.parse(text(bytes)) as Command,
  encodeReply: json,
  decodeQuery: (bytes) => JSON.parse(text(bytes)) as Query,
  encodeQueryReply: json,
  encodeChange: (change) => json({ resourceName: change.resourceName }),
};

export function setCommand(key: string, value: string): Uint8Array {
  const operation: Operation = {
    kind: "add-member",
    group: key,
    user: value,
    role: "member",
    rank: 0,
  };
  const command: Command = {
    caller: { kind: "system" },
    requestId: "",
    fingerprint: "",
    operation,
  };
  return json(command);
}

export function sweepCommand(limit: number, trimFeedTo: number): Uint8Array {
  const command: Command = {
    caller: { kind: "system" },
    requestId: "",
    fingerprint: "",
    operation: { kind: "sweep", limit, trimFeedTo },
  };
  return json(command);
}

export function getQuery(key: string): Uint8Array {
  return json({ caller: { kind: "system" }, question: { kind: "get-group", group: key } });
}

/** The values that were set under the key, in order. */
export function valuesOf(reply: Uint8Array): string[] {
  const { message } = JSON.parse(text(reply)) as { readonly message: string };
  return message === "" ? [] : message.split(",");
}

export const REGISTER_MACHINE: Machine = {
  featureLevel: 1,
  levelOf: () => 1,
  reads: () => ({ keys: [], ranges: [] }),
  apply: ({ sequence }, { operation }, view) => {
    if (operation.kind === "sweep") {
      const reply = { kind: "done", name: "", revision: 0, sequence, replayed: false } as const;
      return { writes: [], changes: [], reply, trimFeedTo: operation.trimFeedTo };
    }
    if (operation.kind !== "add-member") throw new Error(`unexpected ${operation.kind}`);
    const { group, user } = operation;
    const values = [...stored(view, group), user];
    return {
      writes: [{ key: `v/${group}`, value: Buffer.from(values.join(",")) }],
      changes: [
        {
          kind: "updated",
          channel: `groups/${group}`,
          audience: [],
          resourceName: user,
          revision: sequence + 1,
          resource: {
            kind: "member",
            member: {
              group,
              user,
              role: "member",
              rank: 0,
              createTimeMs: 0,
              revision: 0,
              joinRevision: 0,
            },
          },
        },
      ],
      reply: {
        kind: "done",
        name: user,
        revision: sequence + 1,
        sequence: sequence + 1,
        replayed: false,
      },
    };
  },
  query: ({ question }, view) => {
    if (question.kind !== "get-group") throw new Error(`unexpected ${question.kind}`);
    // Only the message is used: it carries the values.
    return { kind: "refused", code: "not-found", message: stored(view, question.group).join(",") };
  },
};

function stored(view: View, key: string): string[] {
  const value = view.get(`v/${key}`);
  return value === undefined ? [] : Buffer.from(value).toString().split(",");
}
