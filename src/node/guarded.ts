import { createRegistry, isMessage } from "@bufbuild/protobuf";
import type { sendUnaryData, ServerUnaryCall } from "@grpc/grpc-js";
import { file_cabildo_admin_v1_admin } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { ClusterError, type Identity, type IdentityRole } from "../base/index.js";
import {
  isMalformed,
  requireIdentity,
  requireValid,
  type AuthenticatedCall,
} from "../wire/index.js";
import type { NodeContext } from "./context.js";
import { RpcFailure } from "./rpc-failure.js";

/** By the certificate; `member` is a node that was not taken out, `node` any. */
export type CallerRole = IdentityRole | "member";

/** How often it is looked whether a node with an open stream was taken out. */
const MEMBER_CHECK_MS = 1000;

/** A unary handler that runs only for certificates of these roles, and answers every failure in our words. */
export function guarded<Request extends object, Response>(
  context: NodeContext,
  roles: readonly CallerRole[],
  handle: (
    request: Request,
    caller: Identity,
    call: ServerUnaryCall<Request, Response>,
  ) => Response | Promise<Response>,
  refused: (call: ServerUnaryCall<Request, Response>, error: ClusterError) => void = () =>
    undefined,
): (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => void {
  return (call, callback) => {
    const run = async () => {
      const caller = requireCaller(context, call, roles);
      if (mustBeMember(caller, roles)) await context.standing.refuseRemoved(caller.name);
      requireRequest(call.request);
      return handle(call.request, caller, call);
    };
    run().then(
      (response) => callback(null, response),
      (error: unknown) => {
        if (!(error instanceof ClusterError)) context.options.unexpected?.(error, {});
        else if (isRefusal(error)) refused(call, error);
        callback(new RpcFailure(error));
      },
    );
  };
}

/** What operators ask for; other requests have no rules. */
const RULED = createRegistry(file_cabildo_admin_v1_admin);

export function requireRequest(request: object): void {
  if (isMalformed(request)) throw new ClusterError("invalid-argument", "not a request");
  if (!isMessage(request)) return;
  const schema = RULED.getMessage(request.$typeName);
  if (schema !== undefined) requireValid(schema, request);
}

function isRefusal({ code }: ClusterError): boolean {
  return code === "permission-denied" || code === "unauthenticated";
}

export type StreamCall = AuthenticatedCall & NodeJS.EventEmitter & { readonly cancelled: boolean };

/** The same for a stream, whose handler runs on after this returns. */
export function guardedStream<Call extends StreamCall>(
  context: NodeContext,
  roles: readonly CallerRole[],
  handle: (call: Call) => void,
  refused: (call: Call, error: ClusterError) => void = () => undefined,
): (call: Call) => void {
  return (call) => {
    try {
      const caller = requireCaller(context, call, roles);
      if (mustBeMember(caller, roles)) void handleOfMember(context, call, caller.name, handle);
      else handle(call);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      if (isRefusal(error)) refused(call, error);
      call.emit("error", new RpcFailure(error));
    }
  };
}

/** Ends the stream of a node that is taken out while it is open. */
async function handleOfMember<Call extends StreamCall>(
  { standing }: NodeContext,
  call: Call,
  node: string,
  handle: (call: Call) => void,
): Promise<void> {
  try {
    await standing.refuseRemoved(node);
    if (call.cancelled) return;
    handle(call);
  } catch (error) {
    call.emit("error", new RpcFailure(error));
    return;
  }
  const timer = setInterval(() => {
    standing.refuseRemoved(node).catch((error: unknown) => {
      if (!(error instanceof ClusterError) || !isRefusal(error)) return;
      clearInterval(timer);
      call.emit("error", new RpcFailure(error));
    });
  }, MEMBER_CHECK_MS).unref();
  for (const end of ["cancelled", "close", "error", "end"]) {
    call.on(end, () => clearInterval(timer));
  }
}

function requireCaller(
  { options }: NodeContext,
  call: AuthenticatedCall,
  roles: readonly CallerRole[],
): Identity {
  const certificates = roles.map((role) => (role === "member" ? "node" : role));
  return requireIdentity(call, options.clusterName, certificates);
}

function mustBeMember({ role }: Identity, roles: readonly CallerRole[]): boolean {
  return role === "node" && roles.includes("member") && !roles.includes("node");
}
