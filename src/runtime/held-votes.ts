import type { Message, Ready } from "../raft/index.js";

/**
 * Holds a candidate's requests for votes back until its term and its own vote are durable; the core lets them go at once,
 * because it counts its own vote only then. But the votes of others may be enough without it: a candidate that lost power
 * before its disk answered would not know that it led, could be elected again in the same term, and put other entries at the
 * same places.
 */
export function holdVotes(ready: Ready): Ready {
  const { append, messages } = ready;
  if (append?.hardState === undefined || !messages.some(isVote)) return ready;
  return {
    ...ready,
    messages: messages.filter((message) => !isVote(message)),
    append: { ...append, responses: [...append.responses, ...messages.filter(isVote)] },
  };
}

const isVote = ({ kind }: Message): boolean => kind === "vote";
