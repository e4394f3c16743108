/** How a request is framed, by its content type. */
export interface Protocol {
  readonly name: "grpc" | "grpc-web" | "connect";
  readonly format: "binary" | "json";
  /** Messages stand in envelopes of five bytes and more; otherwise the body is the message. */
  readonly enveloped: boolean;
  readonly timeoutHeader: "grpc-timeout" | "connect-timeout-ms";
  readonly compressionHeader: "grpc-encoding" | "connect-content-encoding" | "content-encoding";
}

const CONTENT_TYPE =
  /^application\/(?:(?<kind>grpc-web|grpc|connect)(?:\+(?<sub>proto|json))?|(?<plain>proto|json)) *(?:;|$)/iu;

/** Undefined for what no protocol of remote calls sends, such as a form. */
export function parseProtocol(contentType: string | null): Protocol | undefined {
  const groups = CONTENT_TYPE.exec(contentType ?? "")?.groups;
  if (groups === undefined) return undefined;
  const { kind = "", sub = "proto", plain } = groups;
  if (plain !== undefined) {
    return {
      name: "connect",
      format: formatOf(plain),
      enveloped: false,
      timeoutHeader: "connect-timeout-ms",
      compressionHeader: "content-encoding",
    };
  }
  const format = formatOf(sub);
  if (kind.toLowerCase() === "connect") {
    return {
      name: "connect",
      format,
      enveloped: true,
      timeoutHeader: "connect-timeout-ms",
      compressionHeader: "connect-content-encoding",
    };
  }
  return {
    name: kind.toLowerCase() === "grpc" ? "grpc" : "grpc-web",
    format,
    enveloped: true,
    timeoutHeader: "grpc-timeout",
    compressionHeader: "grpc-encoding",
  };
}

const formatOf = (word: string): Protocol["format"] =>
  word.toLowerCase() === "json" ? "json" : "binary";
