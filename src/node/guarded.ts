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

/** A unary handler that runs only for certificates of these roles, and answers every failure in our words. */
export function guarded<Request extends object, Response>(
  context: NodeContext,
  roles: readonly IdentityRole[],
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
      const caller = requireIdentity(call, context.options.clusterName, roles);
      if (isMalformed(call.request)) throw new ClusterError("invalid-argument", "not a request");
      requireRules(call.request);
      return handle(call.request, caller, call);
    };
    run().then(
      (response) => callback(null, response),
      (error: unknown) => {
        if (!(error instanceof ClusterError)) context.options.unexpected?.(error);
        else if (isRefusal(error)) refused(call, error);
        callback(new RpcFailure(error));
      },
    );
  };
}

/** What operators ask for; other requests have no rules. */
const RULED = createRegistry(file_cabildo_admin_v1_admin);

function requireRules(request: object): void {
  if (!isMessage(request)) return;
  const schema = RULED.getMessage(request.$typeName);
  if (schema !== undefined) requireValid(schema, request);
}

function isRefusal({ code }: ClusterError): boolean {
  return code === "permission-denied" || code === "unauthenticated";
}

/** The same for a stream, whose handler runs on after this returns. */
export function guardedStream<Call extends AuthenticatedCall & NodeJS.EventEmitter>(
  context: NodeContext,
  roles: readonly IdentityRole[],
  handle: (call: Call) => void,
): (call: Call) => void {
  return (call) => {
    try {
      requireIdentity(call, context.options.clusterName, roles);
      handle(call);
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      call.emit("error", new RpcFailure(error));
    }
  };
}
