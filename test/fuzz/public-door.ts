import { openDoor } from "../coordinator/support/door.js";
import type { Door } from "../coordinator/support/door.js";
import { Http2Client } from "./http2-client.js";
import type { HttpAnswer } from "./http2-client.js";
import { Inhabitants } from "./inhabitants.js";

/** Streams that go on are left after so long. */
const LISTEN_MS = 150;

/** A coordinator before the real gateway, and one HTTP/2 connection to it that is opened again when it is lost. */
export class PublicDoor {
  readonly people: Inhabitants;
  readonly #door: Door;
  readonly #client: Http2Client;
  #told = 0;

  static async open(): Promise<PublicDoor> {
    const people = await Inhabitants.settle();
    const { gateway, clock } = people.bench;
    return new PublicDoor(people, await openDoor({ gateway, clock }));
  }

  private constructor(people: Inhabitants, door: Door) {
    this.people = people;
    this.#door = door;
    this.#client = new Http2Client(door.url, { ca: door.ca });
  }

  /** What the coordinator logged as its own error. */
  faults(): readonly string[] {
    const news = this.#door.logged.slice(this.#told);
    this.#told = this.#door.logged.length;
    return news;
  }

  send(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array,
  ): Promise<HttpAnswer> {
    const patienceMs = LISTEN_MS * (isStream(headers) ? 1 : 100);
    return this.#client.send(method, path, headers, body, patienceMs);
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#door.close();
    this.people.bench.gateway.close();
  }
}

function isStream({ accept }: Readonly<Record<string, string>>): boolean {
  return accept === "text/event-stream";
}
