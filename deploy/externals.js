/**
 * Packages that the program's files do not hold: native ones, one that is read as files, and one whose CommonJS names only
 * Node sees.
 */
export const EXTERNALS = [
  "@node-rs/argon2",
  "@peculiar/x509",
  "rocksdb",
  "rrule-rust",
  "swagger-ui-dist",
  "uWebSockets.js",
];
