import type { Message } from "@bufbuild/protobuf";

/** A whole message where a library takes the parts of one: it keeps the message as it is. */
export function messageInit(message: Message): Record<string, unknown> {
  return message as Message & Record<string, unknown>;
}
