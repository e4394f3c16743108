const COORDINATOR = "--coordinator-flag=--calls-per-second-max=100000";
const FANOUT = [
  "--connections-per-user=100000",
  "--connections-per-address=100000",
  "--connections-per-second=100000",
];

/** Options of `up`, for clients that are more than one address has. */
export const FOR_MANY_CLIENTS: readonly string[] = [
  COORDINATOR,
  ...FANOUT.map((flag) => `--fanout-flag=${flag}`),
];

/** The same, for loads that come from one user over few connections, as nobody's do. */
export const WITHOUT_LIMITS: readonly string[] = [
  ...FOR_MANY_CLIENTS,
  ...["", "user-", "address-"].map((whose) => `--fanout-flag=--${whose}commands-per-second=100000`),
];
