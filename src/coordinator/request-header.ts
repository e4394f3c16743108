import type { IncomingHttpHeaders } from "node:http";

/** The headers of a request as those of the web: without the names that HTTP/2 keeps for itself. */
export function requestHeader(headers: IncomingHttpHeaders): Headers {
  const made = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    for (const one of Array.isArray(value) ? value : [value]) made.append(name, one);
  }
  return made;
}
