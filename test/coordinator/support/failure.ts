import { ConnectError } from "@connectrpc/connect";

/** What a call that must fail failed with. */
export async function failure(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call was answered");
}
