import { create, getOption, hasOption } from "@bufbuild/protobuf";
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import { expect } from "chai";
import { ClusterError } from "../../src/base/index.js";
import { PUBLIC_SERVICES } from "../../src/gateway/index.js";
import { requireValid } from "../../src/wire/index.js";
import { field as rulesOfField } from "../../gen/buf/validate/validate_pb.js";

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
