import { GroupService } from "../../../gen/cabildo/v1/groups_pb.js";
import type {
  CreateInvitationRequest,
  Invitation as PublicInvitation,
} from "../../../gen/cabildo/v1/groups_pb.js";
import type { InvitationState } from "../../domain/index.js";
import { invitationToPublic, MEMBER_ROLE, timestampToMs } from "../../wire/index.js";
import { fieldFault } from "../faults.js";
import { unary } from "../handlers.js";
import type { Call, Handler } from "../handlers.js";
import { parseGroup, parseInvitation, parseUser } from "../names.js";
import type { Repeatable, Written } from "../shard-calls.js";
import type { ServiceContext } from "./context.js";
import { pagesOf, requireUserExists, writeToGroup } from "./group-shard.js";

const INVITATION_LIFETIME_MS = 14 * 86_400_000;
const INVITATION_LIFETIME_MS_MAX = 90 * 86_400_000;
const { method } = GroupService;

export function invitationHandlers(context: ServiceContext): readonly Handler[] {
  const service = new Invitations(context);
  return [
    unary(method.createInvitation, (call, request) => service.invite(call, request)),
    unary(method.listInvitations, async (call, request) => {
      const group = parseGroup(request.parent, "parent");
      const { pages, page } = pagesOf(context, call, method.listInvitations, request);
      const { answer, position } = await call.shards.read(
        call.shards.of("groups", group),
        call.caller,
        { kind: "list-invitations", group, ...page },
        pages.notBefore,
      );
      const nowMs = context.clock.wallMs();
      return {
        invitations: answer.invitations.map((found) => invitationToPublic(found, nowMs)),
        nextPageToken: pages.token(answer.next, pages.place.first ?? position),
      };
    }),
    unary(method.acceptInvitation, (call, request) =>
      service.settle(call, "accepted", request, { method: method.acceptInvitation, request }),
    ),
    unary(method.declineInvitation, (call, request) =>
      service.settle(call, "declined", request, { method: method.declineInvitation, request }),
    ),
    unary(method.revokeInvitation, (call, request) =>
      service.settle(call, "revoked", request, { method: method.revokeInvitation, request }),
    ),
  ];
}

class Invitations {
  readonly #context: ServiceContext;

  constructor(context: ServiceContext) {
    this.#context = context;
  }

  async invite(call: Call, request: CreateInvitationRequest): Promise<PublicInvitation> {
    const group = parseGroup(request.parent, "parent");
    const wanted = request.invitation;
    const invitee = parseUser(wanted?.invitee ?? "", "invitation.invitee");
    const role = MEMBER_ROLE.fromPublic(wanted?.role ?? 0) ?? "member";
    const rank = wanted?.rank ?? 0;
    const lifetimeMs = this.#lifetimeMs(wanted);
    await requireUserExists(call, invitee);
    const invitation = this.#context.ids.invitation();
    const operation = {
      kind: "create-invitation",
      group,
      invitation,
      invitee,
      role,
      rank,
    } as const;
    const written = await writeToGroup(
      call,
      group,
      { ...operation, lifetimeMs, tells: true },
      { method: method.createInvitation, request },
    );
    const made = await this.#invitation(call, written);
    return call.shards.isTrial ? Object.assign(made, { name: "" }) : made;
  }

  async settle(
    call: Call,
    state: Exclude<InvitationState, "pending">,
    { name }: { readonly name: string },
    repeatable: Repeatable,
  ): Promise<PublicInvitation> {
    const { group, invitation } = parseInvitation(name, "name");
    const operation = { kind: "settle-invitation", group, invitation, state } as const;
    return await this.#invitation(call, await writeToGroup(call, group, operation, repeatable));
  }

  #lifetimeMs(wanted: PublicInvitation | undefined): number {
    if (wanted?.expireTime === undefined) return INVITATION_LIFETIME_MS;
    const lifetimeMs = (timestampToMs(wanted.expireTime) ?? NaN) - this.#context.clock.wallMs();
    if (lifetimeMs > 0 && lifetimeMs <= INVITATION_LIFETIME_MS_MAX) return Math.ceil(lifetimeMs);
    throw fieldFault("invitation.expire_time", "must be within the next 90 days");
  }

  async #invitation(call: Call, { name, resource, position }: Written): Promise<PublicInvitation> {
    const nowMs = this.#context.clock.wallMs();
    if (resource?.kind === "invitation") return invitationToPublic(resource.invitation, nowMs);
    const { group, invitation } = parseInvitation(name, "name");
    const shard = call.shards.of("groups", group);
    const question = { kind: "get-invitation", group, invitation } as const;
    const { answer } = await call.shards.read(shard, call.caller, question, [position]);
    return invitationToPublic(answer.invitation, nowMs);
  }
}
