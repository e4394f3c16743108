import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describeCertificate, loadTlsFiles } from "../auth/index.js";
import type { TlsFiles } from "../auth/index.js";
import type { Log } from "../observability/index.js";
import type { TlsMaterial } from "../wire/index.js";
import { AUTHORITY, certPath, keyPath } from "./certificates.js";

const LOOK_MS = 5000;

/**
 * A certificate of this process, its key, and the authorities that it believes: read at the start, and again whenever the files
 * are others. What cannot be used is refused with a word in the log, and the one before stays.
 */
export class LiveCertificate implements TlsMaterial {
  readonly name: string;
  readonly #paths: TlsFiles;
  readonly #log: Log;
  readonly #listeners = new Set<() => void>();
  #current: TlsFiles;
  /** All three, as they were last looked at. */
  #seen: string;
  /** What of them could not be used, and has been said. */
  #refused = "";

  /** Fails where a file is missing, or others can read the key. */
  constructor(directory: string, name: string, log: Log) {
    this.name = name;
    this.#log = log;
    this.#paths = {
      ca: certPath(directory, AUTHORITY),
      cert: certPath(directory, name),
      key: keyPath(directory, name),
    };
    const { ca, cert, key } = this.#paths;
    const missing = [ca, cert, key].find((path) => !existsSync(path));
    if (missing !== undefined) {
      throw new Error(
        `${missing} is missing: \`cabildo certs issue ${name} --help\` says how to make it`,
      );
    }
    this.#current = loadTlsFiles(this.#paths);
    this.#seen = joined(this.#current);
  }

  get ca(): Uint8Array {
    return Buffer.from(this.#current.ca);
  }

  get cert(): Uint8Array {
    return Buffer.from(this.#current.cert);
  }

  get key(): Uint8Array {
    return Buffer.from(this.#current.key);
  }

  get pair(): { readonly cert: string; readonly key: string } {
    const { cert, key } = this.#current;
    return { cert, key };
  }

  get expireMs(): number {
    return describeCertificate(this.#current.cert).expireMs;
  }

  /** Subject alternative names, as Node writes them. */
  get names(): string {
    return describeCertificate(this.#current.cert).names;
  }

  onRenewed(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Looks again and again, as long as the process lives. */
  watch(): void {
    setTimeout(() => {
      void this.look().finally(() => this.watch());
    }, LOOK_MS).unref();
  }

  async look(): Promise<void> {
    const { name } = this;
    const { ca, cert, key } = this.#paths;
    const texts = await Promise.all(
      [ca, cert, key].map((path) => readFile(path, "utf8").catch(String)),
    );
    const found = texts.join("\n");
    if (found === this.#seen) return;
    try {
      this.#current = this.#load();
      this.#seen = joined(this.#current);
    } catch (cause) {
      // It may be half written: it is looked at again.
      if (found === this.#refused) return;
      this.#refused = found;
      const fields = { certificate: name, cause: String(cause) };
      this.#log.warn("the certificate on the disk cannot be used: the one before stays", fields);
      return;
    }
    const until = new Date(this.expireMs).toISOString();
    this.#log.info("the certificate is renewed", { certificate: name, until });
    for (const listener of this.#listeners) listener();
  }

  #load(): TlsFiles {
    const next = loadTlsFiles(this.#paths);
    const [before, after] = [this.#current, next].map(({ cert }) => describeCertificate(cert));
    if (after === undefined || after.expireMs <= Date.now()) throw new Error("it has expired");
    if (identityOf(after.names) !== identityOf(before?.names ?? "")) {
      throw new Error(`it is that of another: ${after.names}`);
    }
    return next;
  }
}

const joined = ({ ca, cert, key }: TlsFiles): string => [ca, cert, key].join("\n");

/** Who it is inside the cluster; hosts may change. */
const identityOf = (names: string): string =>
  names.split(", ").find((name) => name.startsWith("URI:")) ?? "";
