import { changeSimply, enterJoint, leaveJoint, toConfState } from "../../src/raft/membership.js";
import type { MembershipChange } from "../../src/raft/membership.js";
import { Tracker } from "../../src/raft/tracker.js";
import { parseChanges } from "./changes.js";
import type { Directive } from "./datadriven.js";
import { findArgument } from "./datadriven.js";
import { describeConfiguration, describeProgress } from "./describe.js";

/** Changes a membership step by step; the log grows by one entry each time, which a newcomer's next index shows. */
export class MembershipScenario {
  readonly #tracker = new Tracker(10, 0);
  #lastIndex = 0;

  run(directive: Directive): string[] {
    try {
      return this.#handle(directive);
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    } finally {
      this.#lastIndex += 1;
    }
  }

  #handle(directive: Directive): string[] {
    const changed = this.#change(directive);
    if (changed.kind === "impossible") return [changed.reason];
    const tracker = this.#tracker;
    tracker.switchTo(changed, this.#lastIndex);
    const lines = [describeConfiguration(toConfState(tracker.membership))];
    for (const id of tracker.members) {
      const progress = tracker.find(id);
      if (progress === undefined) throw new Error(`nothing is known of member ${id}`);
      const { state, match, next, recentActive, pendingSnapshot } = progress;
      const inflight = progress.inflights.count;
      const inflightFull = progress.inflights.isFull;
      const isLearner = tracker.isLearner(id);
      const paused = progress.isPaused;
      lines.push(
        describeProgress({
          ...{ id, state, match, next, recentActive, pendingSnapshot },
          ...{ inflight, inflightFull, isLearner, paused },
        }),
      );
    }
    return lines;
  }

  #change(directive: Directive): MembershipChange {
    const { membership } = this.#tracker;
    const changes = parseChanges(directive.input);
    switch (directive.command) {
      case "simple":
        return changeSimply(membership, changes);
      case "enter-joint": {
        const autoLeave = findArgument(directive, "autoleave")?.values[0] === "true";
        return enterJoint(membership, autoLeave, changes);
      }
      case "leave-joint":
        if (changes.length > 0) throw new Error("this command takes no input");
        return leaveJoint(membership);
      default:
        throw new Error("unknown command");
    }
  }
}
