/** Undefined if all is well; otherwise a phrase that says what is not. */
export type HealthCheck = () => string | undefined | Promise<string | undefined>;

export interface HealthReport {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
}

/**
 * Whether a process should be given work. Alive is another question: a process that can answer at all is alive, and is not
 * restarted because what it depends on is away.
 */
export class Health {
  readonly #checks = new Map<string, HealthCheck>();

  add(name: string, check: HealthCheck): void {
    this.#checks.set(name, check);
  }

  async report(): Promise<HealthReport> {
    const results = await Promise.all([...this.#checks].map(([name, check]) => ask(name, check)));
    return {
      ready: results.every(([, trouble]) => trouble === undefined),
      checks: Object.fromEntries(results.map(([name, trouble]) => [name, trouble ?? "ok"])),
    };
  }
}

async function ask(name: string, check: HealthCheck): Promise<[string, string | undefined]> {
  try {
    return [name, await check()];
  } catch (cause) {
    return [name, cause instanceof Error ? cause.message : String(cause)];
  }
}
