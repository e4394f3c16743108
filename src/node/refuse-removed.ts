import {
  Metadata,
  ServerInterceptingCall,
  status,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import { RaftService } from "../../gen/cabildo/raft/v1/raft_pb.js";
import { parseIdentity } from "../base/index.js";
import { noMember } from "./standing.js";

const RAFT_PATH = `/${RaftService.typeName}/`;

export interface RemovedNodes {
  /** Whether there may be any: until then nobody pays for looking. */
  readonly some: boolean;
  has(node: string): boolean;
}

/** Ends every Raft call of a node that was taken out, also one that was open by then. */
export function refuseRemoved(removed: RemovedNodes): ServerInterceptor {
  return ({ path }, call) => {
    if (!path.startsWith(RAFT_PATH)) return new ServerInterceptingCall(call);
    let name: string | undefined;
    let isRefused = false;
    const refuses = (): boolean => {
      if (isRefused || !removed.some) return isRefused;
      name ??= nameOf(call);
      isRefused = removed.has(name);
      if (isRefused) {
        const { message } = noMember(name);
        const metadata = new Metadata();
        call.sendStatus({ code: status.PERMISSION_DENIED, details: message, metadata });
      }
      return isRefused;
    };
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMetadata: (metadata, pass) => {
            if (!refuses()) pass(metadata);
          },
          onReceiveMessage: (message: unknown, pass) => {
            if (!refuses()) pass(message);
          },
        });
      },
    });
  };
}

function nameOf(call: ServerInterceptingCallInterface): string {
  const { sslPeerCertificate } = call.getAuthContext();
  return parseIdentity(sslPeerCertificate?.subjectaltname ?? "")?.name ?? "";
}
