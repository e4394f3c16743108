import type { Caller } from "../domain/index.js";
import { RIGHTS } from "./rights.js";
import type { Action } from "./rights.js";
import type { Facts } from "./facts.js";

/** `not-found` where the caller must not learn that there is anything. */
export type Decision =
  | { readonly kind: "allow" }
  | { readonly kind: "deny"; readonly as: "not-found" | "permission-denied" };

/**
 * Whether a caller may do something, by the one table of rights. Deterministic: machine, gateway
 * and fan-out come to the same answer from the same facts. With facts of kind `unknown` the answer
 * is only an early refusal: allow means that somebody like this caller may do it to something.
 */
export function decide(caller: Caller, action: Action, facts: Facts): Decision {
  return RIGHTS[action](caller, facts);
}

/** For action names that come from outside, such as an option of a method. */
export function isAction(name: string): name is Action {
  return Object.hasOwn(RIGHTS, name);
}
