import type { Run } from "./history.js";
import type { Truth } from "./truth.js";

/**
 * What a subscriber was told to be chosen beside what the log holds: choices of its user, none after a later one, and in the end
 * the last. Not every one: a server may pass over those that were made while it followed another.
 */
export function judgeChoices(user: string, runs: readonly Run[], truth: Truth): string | undefined {
  const choices = choicesOf(user, truth);
  let at = 0;
  for (const { begins, isWhole } of runs) {
    if (!isWhole) continue;
    const told = choice(begins.keys());
    const place = choices.indexOf(told, at);
    if (place < 0)
      return `was told that ${told} is chosen, after choice ${at} of ${choices.length}`;
    at = place;
  }
  const last = choice(runs.at(-1)?.begins.keys() ?? []);
  if (last === choices.at(-1)) return undefined;
  return `has ${last} in the end, where ${choices.at(-1) ?? "nothing"} is chosen`;
}

function choicesOf(user: string, truth: Truth): readonly string[] {
  return [...truth.values()].flatMap(({ changes }) =>
    changes.flatMap(({ resource }) =>
      resource.kind === "subscriptions" && resource.subscriptions.user === user
        ? [choice(resource.subscriptions.channels)]
        : [],
    ),
  );
}

function choice(channels: Iterable<string>): string {
  return [...channels].sort().join(" ");
}
