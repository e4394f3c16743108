import { sha256Hex } from "../auth/index.js";
import type { PositionTokens } from "../auth/index.js";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import type { Caller } from "../domain/index.js";
import { canonicalBytes } from "../wire/index.js";
import type { ShardPosition } from "../shards/index.js";
import { fieldFault } from "./faults.js";
import { methodName } from "./handlers.js";
import type { Positions } from "./types.js";
import { leastOf } from "./positions.js";

/** Where a page begins. */
export interface PagePlace {
  /** Key after which it begins; empty for the first page. */
  readonly after: string;
  /** The first page's position, which all pages answer: what a subscription after the list begins with. */
  readonly first: ShardPosition | undefined;
  /** The same of a list over several shards. */
  readonly firsts: readonly ShardPosition[];
}

interface PagedRequest extends Message {
  readonly pageToken: string;
  readonly position?: string;
}

/** These may differ between the pages of one list. */
const NOT_OF_THE_QUERY = ["page_token", "page_size", "position"];

/** Page tokens of one list: good for the caller and the query that they were made for, and nothing else. */
export class Pages {
  readonly #tokens: PositionTokens;
  readonly #positions: Positions;
  readonly #purpose: string;
  readonly #request: PagedRequest;

  constructor(
    tokens: PositionTokens,
    positions: Positions,
    caller: Caller,
    method: DescMethod,
    request: PagedRequest,
  ) {
    this.#tokens = tokens;
    this.#positions = positions;
    this.#request = request;
    const who = caller.kind === "user" ? caller.user : "";
    const query = canonicalBytes(method.input, request, ({ name }) =>
      NOT_OF_THE_QUERY.includes(name),
    );
    this.#purpose = `page ${methodName(method)} ${who} ${sha256Hex(query)}`;
  }

  /** What the request asks for. */
  get place(): PagePlace {
    const { pageToken } = this.#request;
    if (pageToken === "") return { after: "", first: undefined, firsts: [] };
    const text = this.#tokens.open(this.#purpose, pageToken);
    const separator = text?.indexOf(" ") ?? -1;
    if (text === undefined || separator === -1) {
      throw fieldFault("page_token", "belongs to another list: begin without one");
    }
    const firsts = this.#positions.decode(text.slice(0, separator));
    return { after: text.slice(separator + 1), first: firsts[0], firsts };
  }

  /** What the answer must not be older than. */
  get notBefore(): readonly ShardPosition[] {
    const { first } = this.place;
    const asked = leastOf(this.#positions, this.#request.position ?? "");
    if (first === undefined) return asked;
    return [latest(first, asked), ...asked];
  }

  /** Empty where there is no next page. */
  token(next: string, ...firsts: readonly ShardPosition[]): string {
    if (next === "") return "";
    return this.#tokens.seal(this.#purpose, `${this.#positions.encode(firsts)} ${next}`);
  }
}

function latest(first: ShardPosition, others: readonly ShardPosition[]): ShardPosition {
  const other = others.find(({ shard }) => shard === first.shard);
  return other !== undefined && other.sequence > first.sequence ? other : first;
}
