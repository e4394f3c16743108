import { createOpenSocket, LiveConnection } from "../../client/index.js";
import type { Session } from "./session.js";

export type Facts = Readonly<Record<string, unknown>>;

/** It does not answer, or no longer: another attempt may go better. */
export class LostServer extends Error {
  override readonly name = "LostServer";
}

/** One fan-out over a socket of its own, asked about itself as the user of a session. */
export class AskedServer {
  readonly name: string;
  /** Why it is over, once it is. */
  readonly ended: Promise<Error>;
  readonly #connection: LiveConnection;

  private constructor(name: string, connection: LiveConnection, ended: Promise<Error>) {
    this.name = name;
    this.#connection = connection;
    this.ended = ended;
  }

  /** Fails with LostServer where nobody answers. `traced` hears what it tells unasked from then on. */
  static async open(
    url: string,
    session: Session,
    ca: string,
    traced: (line: Facts) => void = ignore,
  ): Promise<AskedServer> {
    const tokens = { accessToken: async () => (await session.context()).accessToken };
    const token = await tokens.accessToken();
    return await new Promise((resolve, reject) => {
      let end: (why: Error) => void = ignore;
      const ended = new Promise<Error>((resolveEnded) => (end = resolveEnded));
      const connection = new LiveConnection(url, token, createOpenSocket(ca), tokens, {
        opened: (name) => resolve(new AskedServer(name, connection, ended)),
        closed: ({ reason, final }) => {
          const why = final ? new Error(`${url}: ${reason}`) : new LostServer(`${url}: ${reason}`);
          reject(why);
          end(why);
        },
        traced,
        ...{ push: ignore, cluster: ignore, checkpoint: ignore },
        ...{ subscribed: ignore, unsubscribed: ignore },
      });
    });
  }

  /** The body of the answer. */
  ask(command: string, body: object): Promise<Facts> {
    return new Promise((resolve, reject) => {
      this.#connection.command(command, body, (reply) => {
        if (reply.kind === "done") {
          resolve(reply.body);
          return;
        }
        const { code, message } = reply.refusal;
        if (code === "UNREACHABLE") reject(new LostServer(`${this.name}: ${message}`));
        else if (code === "UNIMPLEMENTED") reject(noOperator(this.name, message));
        else reject(new Error(`${this.name}: ${message} (${code})`));
      });
    });
  }

  close(): void {
    this.#connection.drop("done");
  }
}

/** To who is none there is no such command, and the server says no more. */
function noOperator(server: string, message: string): Error {
  return new Error(`${server}: ${message}: it has it for users with the role operator or admin`);
}

function ignore(): void {
  // Of no interest here.
}
