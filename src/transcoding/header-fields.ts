import { ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import type { Binding } from "./binding.js";
import type { FieldPath } from "./field-path.js";

/** Fields of the request that a header of HTTP stands for, by the names that AIP-154 and AIP-155 give them. */
export interface HeaderFields {
  /** If-Match: `etag` of the request, or of the resource in its body. Holds the tag with its quotes. */
  readonly etag: FieldPath | undefined;
  /** Idempotency-Key: `request_id`. */
  readonly requestId: FieldPath | undefined;
  /** Last-Event-ID of a stream: `position`. */
  readonly position: DescField | undefined;
}

export function findHeaderFields({ method, body }: Binding): HeaderFields {
  const { input, methodKind } = method;
  const own = findText(input, "etag");
  const resource = body.kind === "field" ? body.field : undefined;
  const inner = resource?.message === undefined ? undefined : findText(resource.message, "etag");
  const requestId = findText(input, "request_id");
  const nested = resource !== undefined && inner !== undefined ? [resource, inner] : undefined;
  return {
    etag: own !== undefined ? [own] : nested,
    requestId: requestId === undefined ? undefined : [requestId],
    position: methodKind === "server_streaming" ? findText(input, "position") : undefined,
  };
}

function findText(message: DescMessage, name: string): DescField | undefined {
  return message.fields.find(
    (field) =>
      field.name === name && field.fieldKind === "scalar" && field.scalar === ScalarType.STRING,
  );
}

/** Whether If-None-Match lists a tag, by the weak comparison (RFC 9110, 13.1.2). */
export function isTagAmong(ifNoneMatch: string, tag: string): boolean {
  if (ifNoneMatch.trim() === "*") return true;
  const opaque = (text: string): string => text.replace(/^W\//u, "");
  return (ifNoneMatch.match(/(?:W\/)?"[^"]*"/gu) ?? []).some((one) => opaque(one) === opaque(tag));
}
