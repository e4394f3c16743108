import type { Call, Outcome } from "./history.js";
import type { Model } from "./linearizability.js";

export interface EventState {
  readonly title: string;
  readonly revision: number;
  readonly deleted: boolean;
}

/** One event of a calendar as a sequential object; "absent" as long as it was not created. */
export const EVENT_MODEL: Model<EventState | "absent", Call, Outcome> = {
  initial: "absent",
  step: (state, call, outcome) => {
    switch (call.kind) {
      case "create":
        if (outcome.kind === "exists") return state === "absent" ? undefined : state;
        if (outcome.kind !== "done" || state !== "absent") return undefined;
        return { title: call.title, revision: outcome.revision, deleted: false };
      case "get":
        return isAnswer(state, outcome) ? state : undefined;
      case "update":
      case "delete":
        return written(state, call, outcome);
    }
  },
  key: (state) =>
    state === "absent" ? "absent" : `${state.title}/${state.revision}/${state.deleted}`,
};

function isAnswer(state: EventState | "absent", outcome: Outcome): boolean {
  if (state === "absent" || outcome.kind !== "read") {
    return state === "absent" && outcome.kind === "absent";
  }
  return (
    state.title === outcome.title &&
    state.revision === outcome.revision &&
    state.deleted === outcome.deleted
  );
}

function written(
  state: EventState | "absent",
  call: Extract<Call, { kind: "update" | "delete" }>,
  outcome: Outcome,
): EventState | "absent" | undefined {
  if (state === "absent" || state.deleted) return outcome.kind === "absent" ? state : undefined;
  const isStale = call.etag !== 0 && call.etag !== state.revision;
  if (isStale) return outcome.kind === "stale" ? state : undefined;
  if (outcome.kind !== "done") return undefined;
  const title = call.kind === "update" ? call.title : state.title;
  return { title, revision: outcome.revision, deleted: call.kind === "delete" };
}
