import type { Machine } from "../../src/machine/index.js";
import type { Command } from "../../src/domain/index.js";
import type { EntryCodec } from "../../src/runtime/index.js";
import { REGISTER_CODEC, REGISTER_MACHINE } from "./register-machine.js";

const NEWER_LEVEL = 2;

const isNewer = ({ operation }: Command): boolean => operation.kind === "remove-member";

/** What only the second version of the register knows: all values of a key are gone. */
export function clearCommand(key: string): Uint8Array {
  const command: Command = {
    caller: { kind: "system" },
    requestId: "",
    fingerprint: "",
    operation: { kind: "remove-member", group: key, user: "" },
  };
  return Buffer.from(JSON.stringify(command));
}

/** Two versions of the register: the second one adds a command, which the first one cannot read. */
export function registerOfLevel(level: number): { machine: Machine; codec: EntryCodec } {
  return {
    codec: {
      ...REGISTER_CODEC,
      decodeCommand: (bytes) => {
        const command = REGISTER_CODEC.decodeCommand(bytes);
        const isKnown = level >= NEWER_LEVEL || !isNewer(command);
        return isKnown ? command : { ...command, operation: { kind: "unknown" } };
      },
    },
    machine: {
      ...REGISTER_MACHINE,
      featureLevel: level,
      levelOf: (command) => (isNewer(command) ? NEWER_LEVEL : 1),
      apply: (context, command, view) => {
        const { operation } = command;
        if (operation.kind !== "remove-member") {
          return REGISTER_MACHINE.apply(context, command, view);
        }
        const { sequence } = context;
        return {
          writes: [{ key: `v/${operation.group}`, value: undefined }],
          changes: [],
          reply: { kind: "done", name: "", revision: 0, sequence, replayed: false },
        };
      },
    },
  };
}
