/** The etag of a resource that stands at this revision, quotes included (RFC 9110, 8.8.3). */
export function formatEtag(revision: number): string {
  return `"r${revision}"`;
}
