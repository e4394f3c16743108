import { ERRORS } from "../base/index.js";
import type { FanoutObserver } from "./events.js";
import type { ChannelReply } from "./replies.js";

/** Of what is gone it is counted where that is found. */
const GONE: ReadonlySet<string> = new Set([
  ERRORS["position-gone"].reason,
  ERRORS["epoch-changed"].reason,
]);

/** Counts what was to go on from `since` and does not, for any other reason. */
export async function countingRefused(
  observer: FanoutObserver,
  since: readonly string[],
  begin: () => Promise<readonly ChannelReply[]>,
): Promise<readonly ChannelReply[]> {
  const count = (): void => observer({ kind: "resumed", outcome: "refused" });
  const resumes = since.length > 0;
  try {
    const answers = await begin();
    const refused = answers.filter((answer) => "error" in answer && !GONE.has(answer.error.code));
    if (resumes) refused.forEach(count);
    return answers;
  } catch (error) {
    if (resumes) count();
    throw error;
  }
}
