import { fieldFault } from "./faults.js";

/** What of a resource a person may write, by the paths of its message. */
export interface MaskedFields<Field extends string> {
  /** Such as `user`. */
  readonly resource: string;
  readonly writable: ReadonlyMap<string, Field>;
  /** What only the cluster sets is passed over, in a mask as in the resource (AIP-203). */
  readonly setByTheCluster: ReadonlySet<string>;
}

/** The fields that a mask names: those that are set for an empty mask, all for `*` (AIP-134). At least one. */
export function fieldsOfMask<Field extends string>(
  { resource, writable, setByTheCluster }: MaskedFields<Field>,
  mask: readonly string[],
  isSet: Readonly<Record<Field, boolean>>,
): readonly Field[] {
  const all = [...new Set(writable.values())];
  const fields = new Set<Field>();
  for (const path of mask) {
    const field = writable.get(path);
    const [head = ""] = path.split(".");
    if (path === "*") for (const each of all) fields.add(each);
    else if (field !== undefined) fields.add(field);
    else if (writable.has(head)) {
      throw fieldFault("update_mask", `${path}: name the whole field, ${head}`);
    } else if (!setByTheCluster.has(path)) {
      throw fieldFault("update_mask", `${path}: a ${resource} has no such field to write`);
    }
  }
  if (mask.length === 0) for (const field of all) if (isSet[field]) fields.add(field);
  if (fields.size > 0) return [...fields];
  throw fieldFault("update_mask", `nothing to write: name fields of the ${resource}, or set them`);
}
