import type { RuntimeLimits } from "../../../src/runtime/index.js";

export interface EngineNodeSetup {
  readonly name: string;
  readonly address: string;
  readonly peers: readonly { readonly name: string; readonly address: string }[];
  readonly directory: string;
  /** PEM texts. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly limits?: Partial<RuntimeLimits>;
}

export interface EnginePlace {
  readonly leads: boolean;
  readonly applied: number;
  readonly firstIndex: number;
}

/** What a process did since it started. */
export interface EngineWork {
  readonly cpuSeconds: number;
  /** Batches that went to the disk. */
  readonly rounds: number;
  /** Messages on the streams that it opened to its peers. */
  readonly frames: number;
}

export type EngineNodeOrder =
  | { readonly kind: "lead" }
  | { readonly kind: "work" }
  /** Once, now: true if it was taken. */
  | { readonly kind: "put" }
  | { readonly kind: "place" }
  | { readonly kind: "load"; readonly inFlight: number; readonly seconds: number };
