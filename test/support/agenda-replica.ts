import type { ErrorCode } from "../../src/base/index.js";
import type { Executed } from "../../src/runtime/index.js";
import { decodeCommand, decodeQuery, encodeQueryReply, encodeReply } from "../../src/wire/index.js";
import { AgendaShard } from "./agenda-shard.js";
import { FakeReplica } from "./fake-shard.js";

/** A replica that leads or not as its group says, and keeps an agenda. */
export class AgendaReplica extends FakeReplica {
  readonly agenda = new AgendaShard();

  override async execute(command: Uint8Array): Promise<Executed> {
    const intercepted = this.intercept(command);
    if (intercepted !== undefined) return intercepted;
    const { reply } = this.agenda.apply(decodeCommand(command));
    return { reply: encodeReply(reply), sequence: 0, epoch: 1 };
  }

  override async read(query: Uint8Array): Promise<Executed> {
    const { caller, question } = decodeQuery(query);
    const reply = encodeQueryReply(this.agenda.query(caller, question));
    return { reply, sequence: 0, epoch: 1 };
  }
}

/** The answer of a state machine that says no. */
export function refusedWith(code: ErrorCode, message: string): Executed {
  const reply = encodeReply({ kind: "refused", code, message, replayed: false });
  return { reply, sequence: 0, epoch: 1 };
}
