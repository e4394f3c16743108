import { ServerInterceptingCall, status, type ServerInterceptor } from "@grpc/grpc-js";
import type { CallNote, CallObserver } from "../base/index.js";

/** Tells of each call when it begins, when it ends, and of its messages. */
export function observedCalls(observer: CallObserver): ServerInterceptor {
  return ({ path, requestStream, responseStream }, call) => {
    const [, service = "", method = ""] = path.split("/");
    const type = typeOf(requestStream, responseStream);
    const note = once(observer.started({ service, method, type, protocol: "grpc" }));
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveMessage: (message: unknown, pass) => {
            note.received();
            pass(message);
          },
          onCancel: () => {
            note.ended("Canceled");
          },
        });
      },
      sendMessage: (message: unknown, pass) => {
        note.sent();
        pass(message);
      },
      sendStatus: (sent, pass) => {
        note.ended(nameOf(sent.code));
        pass(sent);
      },
    });
  };
}

/** A call that is cancelled while its answer leaves ends as it was answered. */
function once(note: CallNote): CallNote {
  let isOpen = true;
  return {
    received: () => note.received(),
    sent: () => note.sent(),
    ended: (code) => {
      if (isOpen) note.ended(code);
      isOpen = false;
    },
  };
}

function typeOf(requestStream: boolean, responseStream: boolean) {
  if (requestStream) return responseStream ? "bidi_stream" : "client_stream";
  return responseStream ? "server_stream" : "unary";
}

/** As the gRPC libraries of other languages write them: NOT_FOUND is `NotFound`. */
function nameOf(code: status): string {
  if (code === status.OK) return "OK";
  if (code === status.CANCELLED) return "Canceled";
  return status[code]
    .toLowerCase()
    .split("_")
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");
}
