import { create, getOption, hasOption } from "@bufbuild/protobuf";
import type { DescField, DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import { PUBLIC_SERVICES } from "../../src/gateway/index.js";
import { requireValid } from "../../src/wire/index.js";
import { CreateEventRequestSchema } from "../../gen/cabildo/v1/events_pb.js";
import type { EventSchema } from "../../gen/cabildo/v1/events_pb.js";
import { field as rulesOfField } from "../../gen/buf/validate/validate_pb.js";

const DAY = { year: 2027, month: 1, day: 1 } as const;

interface Named {
  readonly input: DescMessage;
  readonly field: DescField;
}

/** Every field of a request of the public API that has a pattern. */
const NAMED: readonly Named[] = PUBLIC_SERVICES.flatMap(({ methods }) =>
  methods.flatMap(({ input }) =>
    input.fields.filter(hasPattern).map((field) => ({ input, field })),
  ),
);

describe("a name that is not written as it should be", () => {
  it("is answered by one that is, in every request of the API", () => {
    expect(NAMED.length).to.be.greaterThan(30);
    for (const { input, field } of NAMED) {
      const example = /^must be written like (\S+): /u.exec(fault(input, field, "Not one"))?.[1];
      expect(example, `${input.name}.${field.name}`).to.be.a("string");
      expect(fault(input, field, example ?? "")).to.equal("");
    }
  });
});

describe("the pattern of a name", () => {
  it("has an end that it reaches after a bounded number of steps, in every request of the API", () => {
    for (const { input, field } of NAMED) {
      const { type } = getOption(field, rulesOfField);
      const pattern = type.case === "string" ? type.value.pattern : "";
      expect(pattern, `${input.name}.${field.name}`)
        .to.match(/^\^[^*+]*\$$/u)
        .and.not.match(/,\}/u);
    }
  });

  it("is not kept busy by a text that nearly fits", () => {
    const name = `calendars/${"a-".repeat(500_000)}`;
    const request = create(CreateEventRequestSchema, { parent: name });
    expect(() => requireValid(CreateEventRequestSchema, request)).to.throw(ClusterError);
  });
});

describe("a text with a control character in it", () => {
  const refusalOf = (event: MessageInitShape<typeof EventSchema>): string => {
    try {
      requireValid(CreateEventRequestSchema, create(CreateEventRequestSchema, { parent, event }));
    } catch (error) {
      if (error instanceof ClusterError) return error.message;
      throw error;
    }
    return "";
  };
  const parent = "calendars/ana";
  const span = { case: "allDay", value: { startDate: DAY, endDate: { ...DAY, day: 2 } } } as const;
  const good = { title: "Lunch", span } as const;

  for (const code of [0x00, 0x07, 0x0b, 0x1b, 0x1f, 0x7f, 0x85, 0x9b]) {
    it(`is refused for U+${code.toString(16).padStart(4, "0")}, with the field`, () => {
      const title = `a${String.fromCharCode(code)}b`;
      expect(refusalOf({ ...good, title })).to.match(/^event\.title: .*control character/u);
    });
  }

  it("is found wherever it stands", () => {
    expect(refusalOf({ ...good, labels: { colour: "\0" } })).to.match(
      /^event\.labels\["colour"\]: /u,
    );
    expect(refusalOf({ ...good, labels: { "\0": "red" } })).to.match(/^event\.labels: /u);
    const attendees = [{ user: "users/bea" }, { user: "users/carl", comment: "\u0007" }];
    expect(refusalOf({ ...good, attendees })).to.match(/^event\.attendees\[1\]\.comment: /u);
  });

  it("is none with tabs, line breaks, and what other scripts need", () => {
    const title = "\tuna\r\ndos: \u200d\u202b\u{1f468}\u200d\u{1f469}\u00a0ñ";
    expect(refusalOf({ ...good, title })).to.equal("");
  });
});

function fault(input: DescMessage, field: DescField, name: string): string {
  const request = create(input);
  reflect(input, request).set(field, name);
  try {
    requireValid(input, request);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    const found = error.details.violations?.find((violation) => violation.field === field.name);
    return found?.description ?? "";
  }
  return "";
}

function hasPattern(field: DescField): boolean {
  if (!hasOption(field, rulesOfField)) return false;
  const { type } = getOption(field, rulesOfField);
  return type.case === "string" && type.value.pattern !== "";
}
