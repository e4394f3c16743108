import type { DescMethod } from "@bufbuild/protobuf";
import { ClusterError } from "../../base/index.js";
import type { Member, Operation } from "../../domain/index.js";
import type { Call } from "../handlers.js";
import { Pages } from "../page-tokens.js";
import type { Repeatable, Written } from "../shard-calls.js";
import type { ServiceContext } from "./context.js";

const PAGE_SIZE_DEFAULT = 50;

type PageRequest = ConstructorParameters<typeof Pages>[4] & { readonly pageSize: number };

/** Where a list goes on, and how far. */
export function pagesOf(
  context: ServiceContext,
  { caller }: Call,
  of: DescMethod,
  request: PageRequest,
): {
  readonly pages: Pages;
  readonly page: { readonly after: string; readonly pageSize: number };
} {
  const pages = new Pages(context.positionTokens(), context.positions, caller, of, request);
  const pageSize = request.pageSize === 0 ? PAGE_SIZE_DEFAULT : request.pageSize;
  return { pages, page: { after: pages.place.after, pageSize } };
}

/** In the shard of the group. */
export async function writeToGroup(
  { caller, shards }: Call,
  group: string,
  operation: Operation,
  repeatable: Repeatable,
): Promise<Written> {
  return await shards.execute(shards.of("groups", group), caller, operation, repeatable);
}

export async function requireUserExists({ caller, shards }: Call, user: string): Promise<void> {
  await shards.read(shards.of("users", user), caller, { kind: "get-user", user });
}

/** The caller's own; undefined for who is no member, and where there is no such group. */
export async function findMembership(
  { caller, shards }: Pick<Call, "caller" | "shards">,
  group: string,
): Promise<Member | undefined> {
  if (caller.kind !== "user") return undefined;
  try {
    const question = { kind: "get-member", group, user: caller.user } as const;
    const { answer } = await shards.read(shards.of("groups", group), caller, question);
    return answer.member;
  } catch (cause) {
    if (cause instanceof ClusterError && cause.code === "not-found") return undefined;
    throw cause;
  }
}
