import { getOption, hasOption } from "@bufbuild/protobuf";
import type { DescMethod } from "@bufbuild/protobuf";
import { Audience, authorization } from "../../gen/cabildo/v1/options_pb.js";
import { ClusterError } from "../base/index.js";
import type { Caller } from "../domain/index.js";
import { decide, isAction } from "../policy/index.js";
import type { Action } from "../policy/index.js";
import { refused } from "./faults.js";
import { methodName } from "./handlers.js";

/** Who may call a method, as its option in the proto says. */
export type MethodRule =
  | { readonly kind: "public"; readonly action: Action }
  | { readonly kind: "user"; readonly action: Action }
  /** Not at this door, or nowhere: a method that says nothing is open to nobody. */
  | { readonly kind: "closed"; readonly why: string };

const rules = new WeakMap<DescMethod, MethodRule>();

export function ruleOf(method: DescMethod): MethodRule {
  let rule = rules.get(method);
  if (rule === undefined) {
    rule = readRule(method);
    rules.set(method, rule);
  }
  return rule;
}

function readRule(method: DescMethod): MethodRule {
  const closed = (why: string): MethodRule => ({
    kind: "closed",
    why: `${methodName(method)} ${why}`,
  });
  if (!hasOption(method, authorization)) return closed("is open to nobody");
  const { audience, action } = getOption(method, authorization);
  if (!isAction(action)) return closed("is open to nobody");
  switch (audience) {
    case Audience.PUBLIC:
      return { kind: "public", action };
    case Audience.USER:
      return { kind: "user", action };
    // By role here, by certificate on the nodes' ports.
    case Audience.AUDITOR:
      return { kind: "user", action };
    case Audience.OPERATOR:
      return closed("is served on the nodes' ports, to certificates");
    default:
      return closed("is open to nobody");
  }
}

/** An early refusal: what is not refused here is decided where the facts are known. */
export function requireAllowed(caller: Caller, method: DescMethod, action: Action): void {
  if (decide(caller, action, { kind: "unknown" }).kind === "allow") return;
  throw new ClusterError("permission-denied", `you may not call ${methodName(method)}`, {
    outcome: "not_applied",
  });
}

export function refuseClosed(rule: MethodRule & { readonly kind: "closed" }): ClusterError {
  return refused("permission-denied", rule.why);
}
