/** What one part of a path between slashes may be. */
export type PathSegment =
  | { readonly kind: "literal"; readonly text: string }
  /** `*`: one segment, whatever it is. */
  | { readonly kind: "any" }
  /** `**`: all further segments, or none. Stands last. */
  | { readonly kind: "rest" };

/** A field whose value is the text of the segments from `start` to before `end`. */
export interface PathVariable {
  /** As in the template, such as `event.name`. */
  readonly fieldPath: string;
  readonly start: number;
  readonly end: number;
}

export interface PathTemplate {
  readonly segments: readonly PathSegment[];
  readonly variables: readonly PathVariable[];
  /** What follows the last colon, such as `cancel`; empty if there is none. */
  readonly verb: string;
}

const LITERAL = /^(?:[A-Za-z0-9\-._~!$&'()+,;@]|%[0-9A-Fa-f]{2})+/u;
const FIELD_PATH = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/u;

/**
 * Reads the path of a rule by the grammar in google/api/http.proto:
 *
 *     Template  = "/" Segments [ ":" LITERAL ]
 *     Segments  = Segment { "/" Segment }
 *     Segment   = "*" | "**" | LITERAL | "{" FieldPath [ "=" Segments ] "}"
 *
 * Throws an Error for what is none: a rule is part of a program, not of a request.
 */
export function parsePathTemplate(text: string): PathTemplate {
  return new TemplateParser(text).parse();
}

class TemplateParser {
  readonly #text: string;
  #at = 0;
  readonly #segments: PathSegment[] = [];
  readonly #variables: PathVariable[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  parse(): PathTemplate {
    this.#expect("/");
    this.#parseSegments(true);
    const verb = this.#take(":") ? decodeURIComponent(this.#read(LITERAL, "a verb")) : "";
    if (this.#at < this.#text.length) throw this.#fault("the end");
    const rest = this.#segments.findIndex(({ kind }) => kind === "rest");
    if (rest >= 0 && rest < this.#segments.length - 1) throw this.#fault("** in the last place");
    return { segments: this.#segments, variables: this.#variables, verb };
  }

  #parseSegments(variablesAllowed: boolean): void {
    do {
      if (variablesAllowed && this.#take("{")) this.#parseVariable();
      else this.#segments.push(this.#parseSegment());
    } while (this.#take("/"));
  }

  #parseSegment(): PathSegment {
    if (this.#take("**")) return { kind: "rest" };
    if (this.#take("*")) return { kind: "any" };
    return { kind: "literal", text: decodeURIComponent(this.#read(LITERAL, "a segment")) };
  }

  #parseVariable(): void {
    const fieldPath = this.#read(FIELD_PATH, "a field");
    if (this.#variables.some((known) => known.fieldPath === fieldPath)) {
      throw this.#fault(`${fieldPath} only once`);
    }
    const start = this.#segments.length;
    if (this.#take("=")) this.#parseSegments(false);
    else this.#segments.push({ kind: "any" });
    this.#expect("}");
    this.#variables.push({ fieldPath, start, end: this.#segments.length });
  }

  #take(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw this.#fault(token);
  }

  #read(pattern: RegExp, what: string): string {
    const found = pattern.exec(this.#text.slice(this.#at))?.[0];
    if (found === undefined) throw this.#fault(what);
    this.#at += found.length;
    return found;
  }

  #fault(expected: string): Error {
    return new Error(`path template ${this.#text}: expected ${expected} at ${this.#at}`);
  }
}
