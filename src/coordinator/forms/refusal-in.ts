import type { DescMethod } from "@bufbuild/protobuf";
import type { ClusterError } from "../../base/index.js";
import type { Answer } from "../exchange.js";
import type { Protocol } from "../protocol.js";
import { ConnectForm, refuseConnectStream } from "./connect-form.js";
import { GrpcForm, GrpcWebForm } from "./grpc-form.js";

/** A refusal of a call that was not read, in the words of its protocol. */
export function refusalIn(
  protocol: Protocol,
  method: DescMethod,
  contentType: string,
  failure: ClusterError,
): Answer {
  const { name, format, enveloped } = protocol;
  const options = { method, format, contentType, requestBytesMax: 0, responseBytesMax: 0 };
  switch (name) {
    case "grpc":
      return new GrpcForm(options).refuse(failure);
    case "grpc-web":
      return new GrpcWebForm(options).refuse(failure);
    case "connect":
      return enveloped
        ? refuseConnectStream(contentType, failure)
        : new ConnectForm(options).refuse(failure);
  }
}
