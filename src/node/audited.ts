import { parseIdentity, type Identity } from "../base/index.js";
import type { Action } from "../policy/index.js";
import { isMalformed, type AuthenticatedCall } from "../wire/index.js";
import type { NodeContext } from "./context.js";
import {
  guarded,
  guardedStream,
  requireRequest,
  type CallerRole,
  type StreamCall,
} from "./guarded.js";

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
  said: AuditedCall<Request>,
  handle: (request: Request, caller: Identity) => Response | Promise<Response>,
) {
  const { audit } = context.options;
  return guarded<Request, Response>(
    context,
    roles,
    async (request, caller, call) => {
      await audit.record(recordOf(said, call, "allow"));
      return handle(request, caller);
    },
    (call, { code }) => audit.refused(recordOf(said, call, code)),
  );
}

/** The same for a stream that answers one request. */
export function auditedStream<Request extends object, Call extends StreamCall & Asked<Request>>(
  context: NodeContext,
  roles: readonly CallerRole[],
  said: AuditedCall<Request>,
  handle: (call: Call) => void,
): (call: Call) => void {
  const { audit } = context.options;
  return guardedStream<Call>(
    context,
    roles,
    (call) => {
      requireRequest(call.request);
      const recorded = audit.record(recordOf(said, call, "allow"));
      void recorded.then(() => {
        if (!call.cancelled) handle(call);
      });
    },
    (call, { code }) => audit.refused(recordOf(said, call, code)),
  );
}

/** A guarded stream of commands or changes: the audit trail says who was not let, and the log what was done. */
export function auditedRefusals<Call extends StreamCall & Pick<Asked<object>, "getPeer">>(
  context: NodeContext,
  roles: readonly CallerRole[],
  action: Action,
  handle: (call: Call) => void,
): (call: Call) => void {
  return guardedStream<Call>(context, roles, handle, (call, { code }) => {
    context.options.audit.refused({
      ...{ subject: subjectOf(call), action, object: `nodes/${context.options.nodeName}` },
      ...{ decision: code, detail: "", origin: addressOf(call.getPeer()) },
    });
  });
}

/** A guarded handler that only looks: the audit trail says who was not let. */
export function auditedLook<Request extends object, Response>(
  context: NodeContext,
  roles: readonly CallerRole[],
  said: AuditedCall<Request>,
  handle: (request: Request) => Response | Promise<Response>,
) {
  const { audit } = context.options;
  return guarded<Request, Response>(context, roles, handle, (call, { code }) =>
    audit.refused(recordOf(said, call, code)),
  );
}

interface Asked<Request> extends AuthenticatedCall {
  readonly request: Request;
  getPeer(): string;
}

function recordOf<Request extends object>(
  { action, object, detail = () => "" }: AuditedCall<Request>,
  call: Asked<Request>,
  decision: string,
) {
  const { request } = call;
  // What stands in for bytes that were no message has no fields.
  const about = isMalformed(request)
    ? { object: "", detail: "" }
    : { object: object(request), detail: detail(request) };
  return {
    subject: subjectOf(call),
    action,
    ...about,
    decision,
    origin: addressOf(call.getPeer()),
  };
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
