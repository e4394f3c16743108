import type { Person } from "../support/up-cluster.js";

const TOKEN_MS = 120_000;

/** The access token of a person, renewed in time. */
export class Tokens {
  readonly #person: Person;
  #token: string;
  #sinceMs = performance.now();
  #renewing: Promise<string> | undefined;

  constructor(person: Person) {
    this.#person = person;
    this.#token = person.accessToken;
  }

  async get(): Promise<string> {
    if (performance.now() - this.#sinceMs < TOKEN_MS) return this.#token;
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return await this.#renewing;
  }

  async #renew(): Promise<string> {
    this.#token = await this.#person.renew();
    this.#sinceMs = performance.now();
    return this.#token;
  }
}
