/** The system broke a promise: the seed is worth keeping. */
export class PromiseBroken extends Error {
  override readonly name = "PromiseBroken";
}
