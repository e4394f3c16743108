/** Entries. A learner that lacks more would keep its shard waiting once it votes. */
export const PROMOTE_LAG_MAX = 1000;
