import { fromJson, toJson, type JsonValue } from "@bufbuild/protobuf";
import { expect } from "chai";
import { toRequestJson, type Binding, type RequestParts } from "../../src/transcoding/index.js";
import { bindingWith } from "./support/library.js";

const get = (path: string) => bindingWith({ pattern: { case: "get", value: path } });
const patch = () =>
  bindingWith({
    pattern: { case: "patch", value: "/v1/{book.name=books/*}" },
    body: "book",
  });
const post = () =>
  bindingWith({ pattern: { case: "post", value: "/v1/{name=books/*}:lend" }, body: "*" });
const watch = () =>
  bindingWith(
    { pattern: { case: "get", value: "/v1/{name}:watch" } },
    { output: "Shelf", streams: true },
  );

interface Sent {
  readonly variables?: readonly string[];
  readonly query?: string;
  readonly body?: JsonValue;
  readonly headers?: RequestParts["headers"];
}

/** The message that a request means, in canonical JSON; or its fault. */
function read(binding: Binding, sent: Sent): JsonValue {
  const { variables = [], query = "", body, headers = {} } = sent;
  const made = toRequestJson(binding, {
    variables,
    query: new URLSearchParams(query),
    body,
    headers,
  });
  if (made.kind === "fault") return `${made.fault.field} ${made.fault.description}`;
  const { input } = binding.method;
  return toJson(input, fromJson(input, made.json));
}

describe("a request of HTTP", () => {
  it("says every kind of field in its query", () => {
    const query =
      "parent=p&pageSize=5&deep=true&genre=GENRE_POETRY&tags=a&tags=b%26c&copies=9007199254740993" +
      "&price=1.5&cover=AQI&since=2030-01-31T09:00:00Z&updateMask=title,author.name&lent=false" +
      "&genres=1&genres=GENRE_POETRY&book.author.born=1775&book.title=Emma";
    expect(read(get("/v1/books"), { query })).to.deep.equal({
      parent: "p",
      pageSize: 5,
      deep: true,
      genre: "GENRE_POETRY",
      tags: ["a", "b&c"],
      copies: "9007199254740993",
      price: 1.5,
      cover: "AQI=",
      since: "2030-01-31T09:00:00Z",
      updateMask: "title,author.name",
      lent: false,
      genres: ["GENRE_POETRY", "GENRE_POETRY"],
      book: { title: "Emma", author: { born: 1775 } },
    });
  });

  it("may use the names of the proto", () => {
    const query = "page_size=5&update_mask=page_size,book.author.first_name";
    expect(read(get("/v1/books"), { query })).to.deep.equal({
      pageSize: 5,
      updateMask: "pageSize,book.author.firstName",
    });
  });

  it("says a field of a field in its path", () => {
    const sent = { variables: ["books/emma"], body: { title: "Emma" }, query: "updateMask=title" };
    expect(read(patch(), sent)).to.deep.equal({
      book: { name: "books/emma", title: "Emma" },
      updateMask: "title",
    });
  });

  it("may repeat in the body what the path says, and not contradict it", () => {
    const variables = ["books/emma"];
    const same = { variables, body: { name: "books/emma" } };
    expect(read(patch(), same)).to.deep.equal({ book: { name: "books/emma" } });
    const other = { variables, body: { name: "books/persuasion" } };
    expect(read(patch(), other)).to.equal("book.name is in the path too, with another value");
  });

  it("is its body, where the rule says so", () => {
    const sent = { variables: ["books/emma"], body: { requestId: "r", deep: true } };
    expect(read(post(), sent)).to.deep.equal({ name: "books/emma", requestId: "r", deep: true });
    expect(read(post(), { variables: ["books/emma"] })).to.deep.equal({ name: "books/emma" });
  });

  const refusals: readonly (readonly [string, () => Binding, Sent, string])[] = [
    ["an unknown parameter", () => get("/v1/books"), { query: "titel=x" }, "titel is unknown"],
    ["an unknown field of one", () => get("/v1/books"), { query: "book.x=1" }, "book.x is unknown"],
    [
      "a parameter twice",
      () => get("/v1/books"),
      { query: "deep=true&deep=true" },
      "deep is given twice",
    ],
    [
      "a parameter twice under its two names",
      () => get("/v1/books"),
      { query: "pageSize=1&page_size=2" },
      "page_size is given twice",
    ],
    [
      "a message as one value",
      () => get("/v1/books"),
      { query: "book=x" },
      "book is no single value",
    ],
    [
      "what the path has",
      () => get("/v1/{name=books/*}"),
      { variables: ["books/a"], query: "name=b" },
      "name is in the path",
    ],
    [
      "what the body has",
      patch,
      { variables: ["books/a"], body: {}, query: "book.title=x" },
      "book.title belongs in the body",
    ],
    [
      "anything beside a body that is all",
      post,
      { variables: ["books/a"], query: "deep=true" },
      "deep belongs in the body",
    ],
    [
      "a body that is not taken",
      () => get("/v1/books"),
      { body: {} },
      " is not taken by this method",
    ],
    ["a list as the body", post, { variables: ["books/a"], body: [] }, " is not an object"],
    [
      "If-Match without an etag",
      () => get("/v1/books"),
      { headers: { ifMatch: '"r1"' } },
      "If-Match is not taken",
    ],
    [
      "several tags",
      patch,
      { variables: ["books/a"], body: {}, headers: { ifMatch: '"a", "b"' } },
      "If-Match is not one etag",
    ],
    [
      "a tag that is none",
      patch,
      { variables: ["books/a"], body: {}, headers: { ifMatch: "r1" } },
      "If-Match is not one etag",
    ],
    [
      "another etag than the body's",
      patch,
      { variables: ["books/a"], body: { etag: '"r2"' }, headers: { ifMatch: '"r1"' } },
      "If-Match says something else",
    ],
    [
      "If-None-Match of a write",
      patch,
      { variables: ["books/a"], body: {}, headers: { ifNoneMatch: "*" } },
      "If-None-Match is not taken",
    ],
    [
      "another key than the body's id",
      post,
      { variables: ["books/a"], body: { requestId: "a" }, headers: { idempotencyKey: "b" } },
      "Idempotency-Key says something else",
    ],
    [
      "Last-Event-ID of no stream",
      () => get("/v1/books"),
      { headers: { lastEventId: "p" } },
      "Last-Event-ID is not taken",
    ],
  ];
  for (const [what, binding, sent, fault] of refusals) {
    it(`is refused for ${what}`, () => {
      expect(read(binding(), sent)).to.be.a("string").and.contain(fault);
    });
  }

  it("says its precondition in If-Match", () => {
    const sent = { variables: ["books/a"], body: { title: "x" }, headers: { ifMatch: '"r1"' } };
    expect(read(patch(), sent)).to.deep.include({
      book: { name: "books/a", title: "x", etag: '"r1"' },
    });
    const any = { ...sent, headers: { ifMatch: "*" } };
    expect(read(patch(), any)).to.deep.include({ book: { name: "books/a", title: "x" } });
  });

  it("is known again by Idempotency-Key, quoted or not", () => {
    for (const idempotencyKey of ["k-1", '"k-1"']) {
      const sent = { variables: ["books/a"], headers: { idempotencyKey } };
      expect(read(post(), sent)).to.deep.include({ requestId: "k-1" });
    }
  });

  it("goes on after Last-Event-ID, whatever position its address has", () => {
    const sent = { variables: ["a"], query: "position=old", headers: { lastEventId: "new" } };
    expect(read(watch(), sent)).to.deep.include({ position: "new" });
  });

  it("leaves what does not fit its type to who decodes", () => {
    expect(() => read(get("/v1/books"), { query: "deep=maybe" })).to.throw("deep");
    expect(() => read(patch(), { variables: ["books/a"], body: [] })).to.throw("library.Book");
  });
});
