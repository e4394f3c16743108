/** What a fan-out says, as far as a subscriber of the soak listens. */
export interface Frame {
  readonly id?: number;
  readonly subscribe?: { readonly channels: readonly Answer[] };
  readonly restore?: { readonly channels: readonly Answer[] };
  readonly push?: { readonly channel: string; readonly change?: ChangeFrame };
  /** These were chosen. */
  readonly subscribed?: { readonly channels: readonly Answer[]; readonly position: string };
  readonly unsubscribed?: Unsubscribed;
  readonly disconnect?: { readonly code: number; readonly retry_after_ms?: number };
  readonly error?: Refusal;
}

export interface Answer {
  readonly channel: string;
  readonly position?: string;
  readonly too_old?: boolean;
  readonly first_available?: string;
  readonly error?: Refusal;
}

/** Their right has ended; or they were dropped from the choice, and there is no error. */
export interface Unsubscribed {
  readonly channels: readonly string[];
  readonly error?: Refusal;
}

export interface Refusal {
  readonly code: string;
  readonly retry_after_ms?: number;
}

export interface ChangeFrame {
  readonly shard: string;
  readonly sequence: string;
  readonly position: string;
  readonly kind: string;
  readonly resourceName: string;
  readonly etag: string;
  readonly event?: { readonly title?: string };
  readonly group?: { readonly displayName?: string };
  readonly subscriptions?: { readonly channels?: readonly string[] };
}
