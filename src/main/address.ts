/** Text of addresses: where a process listens, and how others reach it. */
const WILDCARDS = new Set(["0.0.0.0", "::"]);

/** A name by which this machine reaches what listens on `host`. */
export function reachable(host: string): string {
  return WILDCARDS.has(host) ? "localhost" : host;
}

/** host:port, with brackets where the host is an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** What `formatAddress` made. */
export function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[(.*)\]$/u, "$1");
  return { host, port: Number(address.slice(at + 1)) };
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/u.test(host);
}
