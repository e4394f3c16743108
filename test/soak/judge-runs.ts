import type { Run } from "./history.js";
import type { SubscriberOptions } from "./subscriber.js";
import type { Truth } from "./truth.js";
import { judge } from "./verdict.js";

/** The verdict on what one subscriber would have heard, who was nowhere. */
export function judgeRuns(
  runs: readonly Run[],
  truth: Truth,
  who: Pick<SubscriberOptions, "user"> & Partial<SubscriberOptions>,
): readonly string[] {
  const options: SubscriberOptions = {
    urls: [],
    ca: "",
    channels: [],
    isRestored: false,
    manner: "steady",
    isRevocable: false,
    random: () => 0,
    token: () => Promise.resolve(""),
    ...who,
  };
  return judge({ problems: [], runs, isJoined: true, options }, truth);
}
