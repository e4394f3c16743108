import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import { isTagAmong, readBindings, toResponseJson } from "../../src/transcoding/index.js";
import { bindingWith, methodWith } from "./support/library.js";

describe("the rule of a method", () => {
  it("gives its binding and the additional ones", () => {
    const method = methodWith({
      pattern: { case: "get", value: "/v1/{name=books/*}" },
      additionalBindings: [
        { pattern: { case: "post", value: "/v1/books:get" }, body: "*" },
        { pattern: { case: "custom", value: { kind: "purge", path: "/v1/books" } } },
      ],
    });
    expect(
      readBindings(method).map(({ httpMethod, path }) => `${httpMethod} ${path}`),
    ).to.deep.equal(["GET /v1/{name=books/*}", "POST /v1/books:get", "PURGE /v1/books"]);
  });

  it("may be missing", () => {
    expect(readBindings(methodWith(undefined))).to.deep.equal([]);
  });

  const bad = {
    "an unknown field in its path": { pattern: { case: "get", value: "/v1/{nam}" } },
    "a message in its path": { pattern: { case: "get", value: "/v1/{book}" } },
    "a list in its path": { pattern: { case: "get", value: "/v1/{tags}" } },
    "an unknown body": { pattern: { case: "post", value: "/v1/books" }, body: "bok" },
    "an unknown part of the response": {
      pattern: { case: "get", value: "/v1" },
      responseBody: "x",
    },
    "no path": {},
  } as const;
  for (const [what, rule] of Object.entries(bad)) {
    it(`is refused with ${what}`, () => {
      expect(() => readBindings(methodWith(rule))).to.throw(
        "the http rule of library.Library.M has",
      );
    });
  }
});

describe("the response of a rule", () => {
  const get = { pattern: { case: "get", value: "/v1/books" } } as const;
  it("is the message", () => {
    const binding = bindingWith(get, { output: "Shelf" });
    const { output } = binding.method;
    expect(toResponseJson(binding, create(output, { position: "p" }))).to.deep.equal({
      position: "p",
    });
  });

  it("is the field that response_body names, even where it is empty", () => {
    const books = bindingWith({ ...get, responseBody: "books" }, { output: "Shelf" });
    const { output } = books.method;
    const shelf = create(output, { books: [{ title: "Emma" }], position: "p" });
    expect(toResponseJson(books, shelf)).to.deep.equal([{ title: "Emma" }]);
    expect(toResponseJson(books, create(output))).to.deep.equal([]);
    const first = bindingWith({ ...get, responseBody: "first" }, { output: "Shelf" });
    expect(toResponseJson(first, create(first.method.output))).to.equal(null);
  });
});

describe("If-None-Match", () => {
  it("compares weakly", () => {
    expect(isTagAmong('"a", W/"r1"', '"r1"')).to.equal(true);
    expect(isTagAmong("*", '"r1"')).to.equal(true);
    expect(isTagAmong('"r11"', '"r1"')).to.equal(false);
    expect(isTagAmong("r1", '"r1"')).to.equal(false);
  });
});
