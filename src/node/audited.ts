import type { ServerUnaryCall } from "@grpc/grpc-js";
import { parseIdentity, type Identity } from "../base/index.js";
import type { Action } from "../policy/index.js";
import type { AuthenticatedCall } from "../wire/index.js";
import type { NodeContext } from "./context.js";
import { guarded, type CallerRole } from "./guarded.js";

/** What the audit trail says of a call. */
export interface AuditedCall<Request> {
  readonly action: Action;
  readonly object: (request: Request) => string;
  readonly detail?: (request: Request) => string;
}

/** A guarded handler that does nothing before the audit trail says who is about to do it; who may not is in there too. */
export function audited<Request extends object, Response>(
  context: NodeContext,
  roles: readonly CallerRole[],
  { action, object, detail = () => "" }: AuditedCall<Request>,
  handle: (request: Request, caller: Identity) => Response | Promise<Response>,
) {
  const { audit } = context.options;
  const recordOf = (call: ServerUnaryCall<Request, Response>, decision: string) => ({
    subject: subjectOf(call),
    action,
    object: object(call.request),
    decision,
    detail: detail(call.request),
    origin: addressOf(call.getPeer()),
  });
  return guarded<Request, Response>(
    context,
    roles,
    async (request, caller, call) => {
      await audit.record(recordOf(call, "allow"));
      return handle(request, caller);
    },
    (call, { code }) => audit.refused(recordOf(call, code)),
  );
}

/** By the certificate: `operators/eve`, `nodes/node-1`. */
function subjectOf(call: AuthenticatedCall): string {
  const identity = parseIdentity(call.getAuthContext().sslPeerCertificate?.subjectaltname ?? "");
  return identity === undefined ? "anonymous" : `${identity.role}s/${identity.name}`;
}

/** Without the port, which is another one each time. */
function addressOf(peer: string): string {
  const at = peer.lastIndexOf(":");
  return at === -1 ? peer : peer.slice(0, at);
}
