import { expect } from "chai";
import type {
  Answer,
  Caller,
  Command,
  CommandReply,
  Operation,
  Question,
  QueryReply,
} from "../../src/domain/index.js";
import type { ErrorCode } from "../../src/base/index.js";
import { createMachine } from "../../src/machine/index.js";
import type { Applied } from "../../src/machine/index.js";
import { createStoreCodec } from "../../src/wire/store/index.js";
import { command, NOW_MS } from "./agenda.js";
import type { TimedCommand } from "./agenda-arbitraries.js";
import { MemoryShard } from "./memory-view.js";

export const MACHINE = createMachine(createStoreCodec());

type Done = Extract<CommandReply, { kind: "done" }>;

/** One shard in memory that keeps its own log time. */
export class AgendaShard {
  readonly memory = new MemoryShard(MACHINE);
  /** Everything that was applied. */
  readonly log: TimedCommand[] = [];
  nowMs = NOW_MS;

  apply(toApply: Command): Applied {
    this.log.push({ command: toApply, timeMs: this.nowMs });
    return this.memory.apply(toApply, this.nowMs);
  }

  run(caller: Caller, operation: Operation): Applied {
    return this.apply(command(caller, operation));
  }

  /** Runs what must succeed. */
  done(caller: Caller, operation: Operation): Done {
    const { reply } = this.run(caller, operation);
    if (reply.kind !== "done") throw new Error(`${reply.code}: ${reply.message}`);
    return reply;
  }

  /** Runs what must be refused and change nothing but the record of requests. */
  refused(caller: Caller, operation: Operation, code: ErrorCode): string {
    const { reply, changes } = this.run(caller, operation);
    expect(reply).to.include({ kind: "refused", code });
    expect(changes).deep.equals([]);
    return reply.kind === "refused" ? reply.message : "";
  }

  query(caller: Caller, question: Question): QueryReply {
    return MACHINE.query({ caller, question }, this.memory.state, this.memory.featureLevel);
  }

  ask<Kind extends Answer["kind"]>(
    caller: Caller,
    question: Question,
    kind: Kind,
  ): Extract<Answer, { kind: Kind }> {
    const reply = this.query(caller, question);
    if (reply.kind === "refused") throw new Error(`${reply.code}: ${reply.message}`);
    if (!isKind(reply.answer, kind)) throw new Error(`got ${reply.answer.kind}`);
    return reply.answer;
  }
}

function isKind<Kind extends Answer["kind"]>(
  answer: Answer,
  kind: Kind,
): answer is Extract<Answer, { kind: Kind }> {
  return answer.kind === kind;
}
