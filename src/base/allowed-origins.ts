/** Whose pages a browser lets in (RFC 6454 origins, such as `https://agenda.example`). */
export class AllowedOrigins {
  readonly #all: boolean;
  readonly #allowed: ReadonlySet<string>;

  /** `*` lets in every page; tokens are in headers and never in cookies, so that no page acts for who did not log in there. */
  constructor(origins: readonly string[]) {
    this.#all = origins.includes("*");
    this.#allowed = new Set(origins.map((origin) => origin.toLowerCase()));
  }

  get isEmpty(): boolean {
    return this.#allowed.size === 0;
  }

  has(origin: string): boolean {
    return this.#all || this.#allowed.has(origin.toLowerCase());
  }
}

/** Whether a page comes from the host that it calls, whatever the port: its own server's other door. */
export function isOfHost(origin: string, host: string): boolean {
  const nameOf = (authority: string): string => authority.replace(/:\d+$/u, "").toLowerCase();
  const [, authority] = /^https:\/\/([^/]+)$/iu.exec(origin) ?? [];
  return authority !== undefined && nameOf(authority) === nameOf(host);
}
