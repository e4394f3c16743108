import type { Readable } from "node:stream";
import { ClusterError } from "../base/index.js";

/** All bytes of a request, at most `bytesMax`; `length` is what it says of itself. */
export function readBody(
  source: Readable,
  length: string | undefined,
  bytesMax: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (length !== undefined && Number(length) > bytesMax) {
      reject(tooLarge(bytesMax));
      return;
    }
    const chunks: Buffer[] = [];
    let total = 0;
    const settle = (end: () => void): void => {
      source.off("data", take).off("end", finish).off("close", breakOff);
      end();
    };
    const take = (chunk: Buffer): void => {
      total += chunk.byteLength;
      if (total > bytesMax) settle(() => reject(tooLarge(bytesMax)));
      else chunks.push(chunk);
    };
    const finish = (): void => settle(() => resolve(joined(chunks)));
    const breakOff = (): void =>
      settle(() => reject(new ClusterError("canceled", "the request broke off")));
    source.on("data", take).once("end", finish).once("close", breakOff);
  });
}

export function tooLarge(bytesMax: number): ClusterError {
  return new ClusterError(
    "request-too-large",
    `the request is longer than ${bytesMax} bytes: send less at once`,
    { outcome: "not_applied" },
  );
}

function joined(chunks: readonly Buffer[]): Uint8Array {
  const [first] = chunks;
  return first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
}
