import { flag } from "./flag.js";

/** The parts of a benchmark to run: those that `--parts a,b` names, or all. Throws on a name that is none of them. */
export function chosenParts<const Part extends string>(all: readonly Part[]): ReadonlySet<Part> {
  const chosen = flag("parts", all.join(",")).split(",");
  return new Set(
    chosen.map((name) => {
      const part = all.find((one) => one === name);
      if (part === undefined) throw new Error(`no part ${name}: choose from ${all.join(", ")}`);
      return part;
    }),
  );
}
