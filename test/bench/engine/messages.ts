export interface EngineNodeSetup {
  readonly name: string;
  readonly address: string;
  readonly peers: readonly { readonly name: string; readonly address: string }[];
  readonly directory: string;
  /** PEM texts. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
}

export type EngineNodeOrder =
  | { readonly kind: "lead" }
  | { readonly kind: "cpu" }
  | { readonly kind: "load"; readonly inFlight: number; readonly seconds: number };
