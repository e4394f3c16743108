import { ClusterError, parseIdentity, type Identity, type IdentityRole } from "../base/index.js";

/** What of a grpc-js call says who makes it. */
export interface AuthenticatedCall {
  getAuthContext(): { readonly sslPeerCertificate?: { readonly subjectaltname?: string } };
}

/**
 * Who makes a call, by the certificate of its connection, which TLS has checked against the cluster's CA. Node parses the
 * certificate again on every question, so a stream asks once. Throws unauthenticated or permission-denied.
 */
export function requireIdentity(
  call: AuthenticatedCall,
  cluster: string,
  roles: readonly IdentityRole[],
): Identity {
  const identity = parseIdentity(call.getAuthContext().sslPeerCertificate?.subjectaltname ?? "");
  if (identity === undefined) {
    throw new ClusterError("unauthenticated", "the certificate names no identity of a cluster");
  }
  if (identity.cluster !== cluster) {
    throw new ClusterError(
      "permission-denied",
      `the certificate is of cluster ${identity.cluster}, this is ${cluster}`,
    );
  }
  if (!roles.includes(identity.role)) {
    throw new ClusterError(
      "permission-denied",
      `a certificate of role ${identity.role} may not call this: use one of ${roles.join(" or ")}`,
    );
  }
  return identity;
}
