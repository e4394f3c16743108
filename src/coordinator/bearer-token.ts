/** The token of an `authorization` header, if it is a bearer's (RFC 6750, RFC 9110 11.1: the scheme's case is free). */
export function bearerToken(authorization: string | null): string | undefined {
  return authorization === null ? undefined : /^bearer +(\S+) *$/iu.exec(authorization)?.[1];
}
