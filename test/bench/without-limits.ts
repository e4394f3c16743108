const FANOUT = [
  "--connections-per-user=100000",
  "--connections-per-address=100000",
  "--connections-per-second=100000",
  "--commands-per-second=100000",
];

/** Options of `up`, for loads that come from one user at one address, as nobody's do. */
export const WITHOUT_LIMITS: readonly string[] = [
  "--coordinator-flag=--calls-per-second-max=100000",
  ...FANOUT.map((flag) => `--fanout-flag=${flag}`),
];
