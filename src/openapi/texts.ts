import type {
  DescEnum,
  DescEnumValue,
  DescField,
  DescMessage,
  DescMethod,
} from "@bufbuild/protobuf";
import type { DescService, JsonObject } from "@bufbuild/protobuf";

type Described = DescEnum | DescEnumValue | DescField | DescMessage | DescMethod | DescService;

/** What the protos say of themselves: descriptors at run time have lost their comments. */
export class Texts {
  readonly #comments: Readonly<Record<string, string>>;

  /** By full name, such as `library.v1.Book.title`. */
  constructor(comments: Readonly<Record<string, string>>) {
    this.#comments = comments;
  }

  find(desc: Described): string | undefined {
    return this.#comments[fullName(desc)];
  }

  /** As a member of an object of OpenAPI; empty where there is nothing to say. */
  description(desc: Described, ...further: readonly string[]): JsonObject {
    const parts = [this.find(desc), ...further].filter((part) => part !== undefined && part !== "");
    return parts.length === 0 ? {} : { description: parts.join("\n\n") };
  }
}

function fullName(desc: Described): string {
  return "typeName" in desc ? desc.typeName : `${desc.parent.typeName}.${desc.name}`;
}
