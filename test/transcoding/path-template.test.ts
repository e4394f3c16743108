import { expect } from "chai";
import { parsePathTemplate } from "../../src/transcoding/index.js";

const shapeOf = (text: string): string => {
  const { segments, variables, verb } = parsePathTemplate(text);
  const parts = segments.map((segment) =>
    segment.kind === "literal" ? segment.text : segment.kind === "any" ? "*" : "**",
  );
  const fields = variables.map(({ fieldPath, start, end }) => `${fieldPath}@${start}-${end}`);
  return [parts.join("/"), ...fields, ...(verb === "" ? [] : [`:${verb}`])].join(" ");
};

describe("a path template", () => {
  const good: Readonly<Record<string, string>> = {
    "/v1/books": "v1/books",
    "/v1/{name}": "v1/* name@1-2",
    "/v1/{name=shelves/*/books/*}": "v1/shelves/*/books/* name@1-5",
    "/v1/{book.author.name=authors/*}:find": "v1/authors/* book.author.name@1-3 :find",
    "/v1/{parent=shelves/*}/books:batchGet": "v1/shelves/*/books parent@1-3 :batchGet",
    "/v1/{path=**}": "v1/** path@1-2",
    "/v1/{path=files/**}:read": "v1/files/** path@1-3 :read",
    "/*/x/**": "*/x/**",
    "/a%2Fb/c-d_e.f~g": "a/b/c-d_e.f~g",
    "/{a}/{b}/x": "*/*/x a@0-1 b@1-2",
  };
  for (const [text, shape] of Object.entries(good)) {
    it(`reads ${text}`, () => expect(shapeOf(text)).to.equal(shape));
  }

  const bad: readonly string[] = [
    "",
    "v1/books",
    "/",
    "/v1//books",
    "/v1/books/",
    "/v1/{name",
    "/v1/{name=}",
    "/v1/{=a}",
    "/v1/{a={b}}",
    "/v1/{a..b}",
    "/v1/{1a}",
    "/v1/**/books",
    "/v1/{a=**}/b",
    "/v1/{a}/{a}",
    "/v1/books:",
    "/v1/books:a:b",
    "/v1/bo oks",
    "/v1/%zz",
    "/v1/a*",
    "/v1/{a}b",
    "/v1/books?x=1",
  ];
  for (const text of bad) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => parsePathTemplate(text)).to.throw(/path template .*: expected/u);
    });
  }
});
