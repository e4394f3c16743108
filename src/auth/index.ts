/** Who someone is: tokens, passwords, certificates, and the authenticity of positions. What they may do is in `policy`. */
export { AccessTokens } from "./access-tokens.js";
export type { AccessClaims, AccessTokensOptions, TokenKey } from "./access-tokens.js";
export {
  CERTIFICATE_ROLES,
  createAuthority,
  describeCertificate,
  issueCertificate,
} from "./certificates.js";
export type {
  CertificateFacts,
  CertificateRequest,
  CertificateRole,
  PemPair,
} from "./certificates.js";
export { publicKeyOf, signCheckpoint, verifyCheckpoint } from "./audit-checkpoints.js";
export type { CheckpointStatement } from "./audit-checkpoints.js";
export { generateClusterKeys, generateSigningKey } from "./cluster-keys.js";
export { Passwords } from "./passwords.js";
export { PositionTokens } from "./positions.js";
export type { FeedPlace } from "./positions.js";
export { createRefreshToken, parseRefreshToken, sha256Hex } from "./refresh-tokens.js";
export type { RefreshToken } from "./refresh-tokens.js";
export { loadTlsFiles, refuseOpenKey } from "./tls-files.js";
export type { TlsFiles } from "./tls-files.js";
