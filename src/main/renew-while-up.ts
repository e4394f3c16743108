import { RENEW_BEFORE_MS, reissueCertificates } from "./certificates.js";

const HOUR_MS = 3_600_000;

export interface RenewalOptions {
  /** Of the certificates, their keys and the authority's. */
  readonly directory: string;
  readonly wallMs: () => number;
  /** As in the runtime's clock: gives what cancels it. */
  readonly after: (delayMs: number, run: () => void) => () => void;
  readonly say: (text: string) => void;
}

/**
 * Once an hour makes anew what ends soon: processes take it from the disk. Where the authority's key is kept elsewhere, who
 * keeps it renews; that is said once. Gives what ends it.
 */
export function renewWhileUp({ directory, wallMs, after, say }: RenewalOptions): () => void {
  let said = "";
  let isOver = false;
  const look = async (): Promise<void> => {
    try {
      const soon = (_: string, expireMs: number) => expireMs - wallMs() < RENEW_BEFORE_MS;
      const renewed = await reissueCertificates(directory, soon);
      if (renewed.length > 0) say(`renewed the certificates of ${renewed.join(", ")}`);
    } catch (cause) {
      const text = `certificates are not renewed: ${cause instanceof Error ? cause.message : String(cause)}`;
      if (text !== said) say(text);
      said = text;
    }
    if (!isOver) cancel = after(HOUR_MS, run);
  };
  const run = (): void => void look();
  let cancel = after(HOUR_MS, run);
  return () => {
    isOver = true;
    cancel();
  };
}
