import type { CommandReply } from "../domain/index.js";
import { SWEEP_MORE } from "../machine/index.js";
import type { RaftGroup, ReplicaId } from "../raft/index.js";
import type { Applier } from "./applier.js";
import { frameLevel } from "./entry-frame.js";
import { LevelRaise } from "./level-raise.js";
import type { LogTime } from "./log-time.js";
import { replicasOf } from "./members.js";
import type { ReplicaHost } from "./replica-host.js";
import { Sweeper } from "./sweeper.js";

export interface LeaderDutiesOptions {
  readonly host: ReplicaHost;
  readonly replica: ReplicaId;
  readonly group: RaftGroup;
  readonly applier: Applier;
  readonly logTime: LogTime;
  readonly nodeOf: (replica: ReplicaId) => string;
  readonly execute: (
    bytes: Uint8Array,
    options: { readonly timeoutMs: number },
  ) => Promise<unknown>;
}

/** What a leader proposes unasked: that rows expire, and that the group's level is raised. */
export class LeaderDuties {
  readonly #sweeper: Sweeper;
  readonly #levelRaise: LevelRaise;

  constructor({ host, replica, group, applier, logTime, nodeOf, execute }: LeaderDutiesOptions) {
    const { limits, store, clock } = host;
    const state = () => applier.state;
    this.#sweeper = new Sweeper(
      {
        limits,
        state,
        readFeed: (after, read) => store.readFeed(replica, after, read),
        propose: (trimFeedTo) => {
          const bytes = host.encodeSweep(limits.sweepRowsMax, trimFeedTo);
          execute(bytes, { timeoutMs: limits.sweepMs }).catch(() => undefined);
        },
        failed: (error) => {
          host.fatal(error);
        },
      },
      clock.monotonicMs(),
    );
    this.#levelRaise = new LevelRaise({
      own: host.machine.featureLevel,
      state,
      memberNodes: () =>
        replicasOf(applier.state.confState)
          .filter((member) => member !== replica)
          .map(nodeOf),
      announced: (node) => host.conditions.featureLevelOf(node),
      propose: (level) => {
        const proposed = group.propose([frameLevel(logTime.stamp(), level)]);
        return proposed.kind === "refused" ? undefined : proposed.firstIndex;
      },
    });
  }

  /** This replica leads from now on. */
  begin(): void {
    this.#levelRaise.lead();
  }

  /** A tick of the group, while this replica leads. */
  tick(nowMs: number): void {
    this.#sweeper.sweepIfDue(nowMs);
    this.#levelRaise.tick();
  }

  applied(reply: CommandReply | undefined): void {
    if (reply?.kind === "done" && reply.name === SWEEP_MORE) this.#sweeper.continue();
  }
}
