/** What a client asked of one event, and what it heard. */
export type Call =
  | { readonly kind: "create"; readonly title: string }
  /** `etag` 0 overwrites whatever is there. */
  | { readonly kind: "update"; readonly title: string; readonly etag: number }
  | { readonly kind: "delete"; readonly etag: number }
  | { readonly kind: "get" };

export type Outcome =
  /** Written, at this revision. */
  | { readonly kind: "done"; readonly revision: number }
  | {
      readonly kind: "read";
      readonly title: string;
      readonly revision: number;
      readonly deleted: boolean;
    }
  | { readonly kind: "exists" }
  | { readonly kind: "absent" }
  | { readonly kind: "stale" };

export interface Operation {
  readonly client: string;
  readonly shard: number;
  readonly event: string;
  readonly call: Call;
  /** Empty for reads. */
  readonly requestId: string;
  readonly calledAt: number;
  /** Undefined if the client never heard: it may have happened, at any time after the call, or not. */
  answer: { readonly at: number; readonly outcome: Outcome; readonly sequence: number } | undefined;
}

/** All that the clients saw, in the order of their calls; times are steps of the simulation. */
export class History {
  readonly operations: Operation[] = [];

  add(operation: Operation): Operation {
    this.operations.push(operation);
    return operation;
  }

  get answered(): number {
    return this.operations.filter(({ answer }) => answer !== undefined).length;
  }
}
