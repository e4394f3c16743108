import type { PathSegment, PathTemplate } from "./path-template.js";

export type RouteMatch<Route> =
  | {
      readonly kind: "found";
      readonly route: Route;
      /** The text of each of the template's variables, decoded. */
      readonly variables: readonly string[];
    }
  /** The path is there, for other methods of HTTP. */
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] }
  | { readonly kind: "not-found" };

interface Entry<Route> {
  readonly template: PathTemplate;
  readonly route: Route;
}

/** Where a template ends: entries by verb, then by method of HTTP. */
type Ends<Route> = Map<string, Map<string, Entry<Route>>>;

interface Node<Route> {
  readonly literals: Map<string, Node<Route>>;
  any: Node<Route> | undefined;
  readonly here: Ends<Route>;
  readonly rest: Ends<Route>;
}

const ANY_METHOD = "*";

/**
 * Finds a route by method and path. Where several templates fit, the one that is more literal from the left is taken; GET
 * answers HEAD too. Matching is linear in the path for templates without `*`, and bounded by what `*` and literals share.
 */
export class RouteTable<Route> {
  readonly #root: Node<Route> = createNode();

  /** Throws an Error if the same method and path are taken. */
  add(httpMethod: string, template: PathTemplate, route: Route): void {
    let node = this.#root;
    let ends = node.here;
    for (const segment of template.segments) {
      if (segment.kind === "rest") {
        ends = node.rest;
        break;
      }
      node = descend(node, segment);
      ends = node.here;
    }
    let methods = ends.get(template.verb);
    if (methods === undefined) {
      methods = new Map();
      ends.set(template.verb, methods);
    }
    if (methods.has(httpMethod)) {
      throw new Error(`${httpMethod} ${formatTemplate(template)} is routed twice`);
    }
    methods.set(httpMethod, { template, route });
  }

  /** `path` as it was sent, without the query. */
  match(httpMethod: string, path: string): RouteMatch<Route> {
    const raw = path.startsWith("/") ? path.slice(1).split("/") : undefined;
    const decoded = raw?.map(tryDecode);
    if (raw === undefined || decoded === undefined) return { kind: "not-found" };
    const allowed = new Set<string>();
    for (const { ends, consumed, verb } of this.#candidates(raw, decoded)) {
      const methods = ends.get(verb);
      if (methods === undefined) continue;
      const entry = findEntry(methods, httpMethod);
      if (entry !== undefined) {
        return { kind: "found", route: entry.route, variables: valuesOf(entry, consumed) };
      }
      for (const method of methods.keys()) allowed.add(method);
    }
    if (allowed.size === 0) return { kind: "not-found" };
    if (allowed.has("GET")) allowed.add("HEAD");
    return { kind: "method-not-allowed", allow: [...allowed].sort() };
  }

  /** Everything that fits, best first: with what follows the last colon as a verb, then with it as text. */
  *#candidates(
    raw: readonly string[],
    decoded: readonly (string | undefined)[],
  ): Generator<{ ends: Ends<Route>; consumed: readonly string[]; verb: string }> {
    const last = raw.at(-1) ?? "";
    const colon = last.lastIndexOf(":");
    const verb = colon < 0 ? undefined : tryDecode(last.slice(colon + 1));
    if (verb !== undefined && verb !== "") {
      const cut = [...raw.slice(0, -1), last.slice(0, colon)];
      for (const ends of walk(this.#root, cut.map(tryDecode), 0)) {
        yield { ends, consumed: cut, verb };
      }
    }
    for (const ends of walk(this.#root, decoded, 0)) yield { ends, consumed: raw, verb: "" };
  }
}

function createNode<Route>(): Node<Route> {
  return { literals: new Map(), any: undefined, here: new Map(), rest: new Map() };
}

function descend<Route>(
  node: Node<Route>,
  segment: Exclude<PathSegment, { kind: "rest" }>,
): Node<Route> {
  if (segment.kind === "any") return (node.any ??= createNode());
  let next = node.literals.get(segment.text);
  if (next === undefined) {
    next = createNode();
    node.literals.set(segment.text, next);
  }
  return next;
}

function* walk<Route>(
  node: Node<Route>,
  segments: readonly (string | undefined)[],
  at: number,
): Generator<Ends<Route>> {
  if (at === segments.length) yield node.here;
  else {
    const text = segments[at];
    // What does not decode is no value of anything, and an empty segment is none.
    if (text === undefined) return;
    const literal = node.literals.get(text);
    if (literal !== undefined) yield* walk(literal, segments, at + 1);
    if (node.any !== undefined && text !== "") yield* walk(node.any, segments, at + 1);
  }
  if (node.rest.size > 0 && segments.slice(at).every((text) => text !== undefined)) yield node.rest;
}

function findEntry<Route>(
  methods: ReadonlyMap<string, Entry<Route>>,
  httpMethod: string,
): Entry<Route> | undefined {
  const exact = methods.get(httpMethod);
  if (exact !== undefined) return exact;
  const read = httpMethod === "HEAD" ? methods.get("GET") : undefined;
  return read ?? methods.get(ANY_METHOD);
}

function valuesOf<Route>({ template }: Entry<Route>, raw: readonly string[]): readonly string[] {
  return template.variables.map(({ start, end }) => {
    const open = template.segments[end - 1]?.kind === "rest";
    const parts = raw.slice(start, open ? undefined : end);
    if (end - start === 1 && !open) return decodeURIComponent(parts[0] ?? "");
    // A slash inside of a part stays encoded, or it would look like one between parts.
    return parts.map(decodeButSlash).join("/");
  });
}

function decodeButSlash(part: string): string {
  return part
    .split(/(%2f)/iu)
    .map((piece) => (/^%2f$/iu.test(piece) ? piece : decodeURIComponent(piece)))
    .join("");
}

function tryDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function formatTemplate({ segments, verb }: PathTemplate): string {
  const parts = segments.map((segment) => {
    if (segment.kind === "literal") return segment.text;
    return segment.kind === "any" ? "*" : "**";
  });
  return `/${parts.join("/")}${verb === "" ? "" : `:${verb}`}`;
}
