import type { DescMethod } from "@bufbuild/protobuf";
import type { Exchange } from "./exchange.js";
import { ConnectForm } from "./forms/connect-form.js";
import type { Form } from "./forms/form.js";
import { GrpcForm, GrpcWebForm } from "./forms/grpc-form.js";
import type { CoordinatorLimits } from "./limits.js";
import { parseProtocol } from "./protocol.js";
import { readTimeoutMs } from "./timeout.js";

/**
 * How a call to a unary method is answered without Connect; undefined for every request that is not of the ordinary shape:
 * another method than POST, a content type or a deadline that is refused, a compression.
 */
export function findShortWay(
  exchange: Exchange,
  method: DescMethod,
  limits: CoordinatorLimits,
): { readonly form: Form; readonly timeoutMs: number } | undefined {
  if (exchange.httpMethod !== "POST") return undefined;
  const contentType = exchange.header("content-type");
  const protocol = parseProtocol(contentType ?? null);
  if (contentType === undefined || protocol === undefined) return undefined;
  const { name, format, enveloped } = protocol;
  if ((exchange.header(protocol.compressionHeader) ?? "identity") !== "identity") return undefined;
  const timeoutMs = readTimeoutMs(protocol, exchange.header(protocol.timeoutHeader));
  if (timeoutMs !== undefined && !(timeoutMs <= limits.deadlineMsMax)) return undefined;
  const options = {
    method,
    format,
    contentType: contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "",
    requestBytesMax: limits.requestBytesMax,
    responseBytesMax: limits.responseBytesMax,
  };
  const form = (): Form | undefined => {
    switch (name) {
      case "grpc":
        // Its trailers need HTTP/2.
        return exchange.httpMajor === 2 ? new GrpcForm(options) : undefined;
      case "grpc-web":
        return new GrpcWebForm(options);
      case "connect":
        return enveloped || (exchange.header("connect-protocol-version") ?? "1") !== "1"
          ? undefined
          : new ConnectForm(options);
    }
  };
  const found = form();
  return found && { form: found, timeoutMs: timeoutMs ?? limits.deadlineMsMax };
}
