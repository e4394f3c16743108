import { expect } from "chai";
import { parsePathTemplate, RouteTable } from "../../src/transcoding/index.js";

function tableOf(...routes: readonly string[]): RouteTable<string> {
  const table = new RouteTable<string>();
  for (const route of routes) {
    const [method = "", path = ""] = route.split(" ");
    table.add(method, parsePathTemplate(path), route);
  }
  return table;
}

describe("a table of routes", () => {
  const table = tableOf(
    "GET /v1/books",
    "POST /v1/books",
    "GET /v1/books:find",
    "GET /v1/{name=books/*}",
    "PATCH /v1/{book.name=books/*}",
    "POST /v1/{name=books/*}:lend",
    "GET /v1/{name=books/*/pages/*}",
    "GET /v1/books/new",
    "GET /v1/{a=*}/{b=*}/x",
    "GET /v1/{path=files/**}",
    "GET /v1/{path=files/**}:read",
    "* /any/{id}",
  );

  const found: readonly (readonly [string, string, string, readonly string[]])[] = [
    ["GET", "/v1/books", "GET /v1/books", []],
    ["POST", "/v1/books", "POST /v1/books", []],
    ["GET", "/v1/books:find", "GET /v1/books:find", []],
    ["GET", "/v1/books/emma", "GET /v1/{name=books/*}", ["books/emma"]],
    ["PATCH", "/v1/books/emma", "PATCH /v1/{book.name=books/*}", ["books/emma"]],
    ["POST", "/v1/books/emma:lend", "POST /v1/{name=books/*}:lend", ["books/emma"]],
    ["GET", "/v1/books/new", "GET /v1/books/new", []],
    ["GET", "/v1/books/emma/pages/7", "GET /v1/{name=books/*/pages/*}", ["books/emma/pages/7"]],
    ["GET", "/v1/a/b/x", "GET /v1/{a=*}/{b=*}/x", ["a", "b"]],
    ["GET", "/v1/files/a/b", "GET /v1/{path=files/**}", ["files/a/b"]],
    ["GET", "/v1/files", "GET /v1/{path=files/**}", ["files"]],
    ["GET", "/v1/files/a/b:read", "GET /v1/{path=files/**}:read", ["files/a/b"]],
    ["HEAD", "/v1/books", "GET /v1/books", []],
    ["PURGE", "/any/7", "* /any/{id}", ["7"]],
    // A colon that names no verb is text.
    ["GET", "/v1/books/a:b", "GET /v1/{name=books/*}", ["books/a:b"]],
    // Literals are told apart after decoding, as RFC 3986 wants it.
    ["GET", "/v1/%62ooks", "GET /v1/books", []],
  ];
  for (const [method, path, route, variables] of found) {
    it(`takes ${method} ${path} to ${route}`, () => {
      expect(table.match(method, path)).to.deep.equal({ kind: "found", route, variables });
    });
  }

  it("decodes one segment wholly, and keeps a slash in several apart", () => {
    const each = tableOf("GET /one/{a}", "GET /some/{a=x/*}", "GET /all/{a=**}");
    const valueOf = (path: string) => {
      const match = each.match("GET", path);
      return match.kind === "found" ? match.variables : match.kind;
    };
    expect(valueOf("/one/a%2Fb%20c")).to.deep.equal(["a/b c"]);
    expect(valueOf("/some/x/a%2Fb%20c")).to.deep.equal(["x/a%2Fb c"]);
    expect(valueOf("/all/a%2fb/%C3%B1")).to.deep.equal(["a%2fb/ñ"]);
    expect(valueOf("/all")).to.deep.equal([""]);
  });

  for (const path of [
    "",
    "/",
    "/v1",
    "/v1/books/",
    "/v1//emma",
    "/v1/books/emma/pages",
    "/v1/Books",
    "/v1/books/%zz",
    "/v1/books/%C3",
    "/v1/books/emma/pages/",
  ]) {
    it(`knows nothing at ${JSON.stringify(path)}`, () => {
      expect(table.match("GET", path)).to.deep.equal({ kind: "not-found" });
    });
  }

  it("tells a path of other methods from one that is not there", () => {
    expect(table.match("DELETE", "/v1/books/emma")).to.deep.equal({
      kind: "method-not-allowed",
      allow: ["GET", "HEAD", "PATCH"],
    });
    expect(table.match("GET", "/v1/books/emma:lend").kind).to.equal("found");
    expect(table.match("DELETE", "/v1/books/emma:lend")).to.deep.include({
      kind: "method-not-allowed",
    });
  });

  it("refuses to route one thing twice", () => {
    expect(() => tableOf("GET /v1/{a}", "GET /v1/{b=*}")).to.throw("GET /v1/* is routed twice");
  });
});
