import { createRegistry, type DescFile, type DescMessage, type Registry } from "@bufbuild/protobuf";

const registries = new WeakMap<DescFile, { readonly registry: Registry }>();

/** For JSON of a message: a google.protobuf.Any in it may hold what is declared beside it. */
export function jsonOptions({ file }: DescMessage): { readonly registry: Registry } {
  let options = registries.get(file);
  if (options === undefined) {
    options = { registry: createRegistry(file) };
    registries.set(file, options);
  }
  return options;
}
