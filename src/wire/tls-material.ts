/** PEM: the cluster's authorities, and a process's certificate under one of them with its key. */
export interface TlsMaterial {
  readonly ca: Uint8Array;
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
  /** Tells of what takes the place of these, for every connection from then on. Left out where nothing ever does. */
  readonly onRenewed?: (listener: () => void) => void;
}

type Listener<Update> = (update: Update) => void;

interface Identity {
  readonly certificate: Buffer;
  readonly privateKey: Buffer;
}

interface Authorities {
  readonly caCertificate: Buffer;
}

/**
 * The shape in which grpc-js asks for certificates (its CertificateProvider, gRPC's proposal A29): each new connection is made
 * with what it was told last. Listeners must not hear before they are added, hence the microtask.
 */
export class CertificateProvider {
  readonly #tls: TlsMaterial;
  readonly #authorities = new Set<Listener<Authorities>>();
  readonly #identities = new Set<Listener<Identity>>();

  constructor(tls: TlsMaterial) {
    this.#tls = tls;
    tls.onRenewed?.(() => {
      for (const listener of this.#authorities) listener(this.#authoritiesNow());
      for (const listener of this.#identities) listener(this.#identityNow());
    });
  }

  addCaCertificateListener(listener: Listener<Authorities>): void {
    this.#authorities.add(listener);
    queueMicrotask(() => listener(this.#authoritiesNow()));
  }

  removeCaCertificateListener(listener: Listener<Authorities>): void {
    this.#authorities.delete(listener);
  }

  addIdentityCertificateListener(listener: Listener<Identity>): void {
    this.#identities.add(listener);
    queueMicrotask(() => listener(this.#identityNow()));
  }

  removeIdentityCertificateListener(listener: Listener<Identity>): void {
    this.#identities.delete(listener);
  }

  #authoritiesNow(): Authorities {
    return { caCertificate: Buffer.from(this.#tls.ca) };
  }

  #identityNow(): Identity {
    const { cert, key } = this.#tls;
    return { certificate: Buffer.from(cert), privateKey: Buffer.from(key) };
  }
}
