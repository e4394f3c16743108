/** Which folder of src/ may import which others. The whole architecture is in this table. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  domain: ["placement", "base"],
  policy: ["domain", "base"],
  raft: ["base"],
  placement: ["base"],
  machine: ["domain", "policy", "placement", "base"],
  runtime: ["raft", "machine", "placement", "domain", "base"],
  wire: ["gen", "domain", "placement", "base"],
  storage: ["runtime", "raft", "machine", "placement", "domain", "wire", "base"],
  peer: ["runtime", "raft", "placement", "wire", "gen", "base"],
  shards: ["placement", "domain", "wire", "gen", "base"],
  node: [
    "runtime",
    "shards",
    "ical",
    "auth",
    "policy",
    "placement",
    "domain",
    "wire",
    "gen",
    "base",
  ],
  auth: ["base"],
  ical: ["domain", "base"],
  gateway: ["shards", "ical", "policy", "placement", "domain", "wire", "gen", "auth", "base"],
  /** Knows nothing of this project but the generated options of rules: it could be lifted out. */
  transcoding: ["gen"],
  /** Knows no more than that either. */
  openapi: ["transcoding", "gen"],
  coordinator: ["gateway", "transcoding", "openapi", "domain", "wire", "gen", "auth", "base"],
  fanout: ["gateway", "shards", "policy", "placement", "domain", "wire", "gen", "auth", "base"],
  observability: ["base"],
  client: ["gen"],
};

/** Folders that may also name the types of any other: they translate or observe, and call nobody. */
export const TYPE_READERS: readonly string[] = ["wire", "observability"];

/** One library, one folder: a replacement touches one place. `main` is the command line's client side. */
export const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  rocksdb: ["storage"],
  "@grpc/grpc-js": ["peer", "shards", "node"],
  "@connectrpc/connect-node": ["coordinator", "client", "main"],
  "@connectrpc/connect-web": ["client"],
  "uWebSockets.js": ["fanout"],
  ws: ["fanout", "client", "main"],
  "ical.js": ["ical"],
  "rrule-rust": ["ical"],
  jose: ["auth"],
  "@node-rs/argon2": ["auth"],
  "@peculiar/x509": ["auth"],
  "prom-client": ["observability"],
  pino: ["observability"],
  commander: ["main"],
  "cli-table3": ["main"],
  picocolors: ["main"],
};

/** Folders without I/O: no package but those named, and nothing of Node. */
export const PURE: readonly string[] = ["base", "domain", "policy", "raft", "placement", "machine"];
