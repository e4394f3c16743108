import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import type { Client, Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ClusterService } from "../../gen/cabildo/admin/v1/admin_pb.js";
import type { ClusterStatus } from "../../gen/cabildo/admin/v1/admin_pb.js";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { GroupService } from "../../gen/cabildo/v1/groups_pb.js";
import { NotificationService } from "../../gen/cabildo/v1/notifications_pb.js";
import { CalendarService } from "../../gen/cabildo/v1/calendars_pb.js";
import { SubscriptionService } from "../../gen/cabildo/v1/subscriptions_pb.js";
import { SyncService } from "../../gen/cabildo/v1/sync_pb.js";
import { UserService } from "../../gen/cabildo/v1/users_pb.js";
import { eventually } from "./eventually.js";
import { freeBasePort } from "./free-ports.js";

/** The line of JSON that `cabildo up` prints. */
export interface Ready {
  readonly ready: true;
  readonly clusterId: string;
  readonly api: string;
  readonly apis: readonly string[];
  readonly wss: string;
  readonly wsss: readonly string[];
  readonly metrics: readonly { readonly name: string; readonly url: string }[];
  readonly nodes: readonly UpNode[];
  readonly coordinators: readonly UpProcess[];
  readonly fanouts: readonly UpFanout[];
  readonly ca: string;
  readonly operatorCert: string;
  readonly operatorKey: string;
  readonly adminCredential: string;
  readonly dataDir: string;
  readonly demo?: string;
}

export interface UpProcess {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
}

export interface UpFanout extends UpProcess {
  readonly transport: string;
}

export interface UpNode {
  readonly name: string;
  readonly pid: number;
  readonly address: string;
  readonly replicas: readonly string[];
}

export interface Person {
  readonly user: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly auth: Client<typeof AuthService>;
  readonly users: Client<typeof UserService>;
  readonly groups: Client<typeof GroupService>;
  readonly events: Client<typeof EventService>;
  readonly calendars: Client<typeof CalendarService>;
  readonly sync: Client<typeof SyncService>;
  readonly subscriptions: Client<typeof SubscriptionService>;
  readonly notifications: Client<typeof NotificationService>;
  /** A new access token, with which all of these go on. */
  renew(): Promise<string>;
}

const READY_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 20_000;
/** Whoever is asked for it asks all other nodes. */
const STATUS_PAUSE_MS = 200;

export interface UpOptions {
  readonly layout?: "compact" | "seed";
  readonly dataDir?: string;
  readonly basePort?: number;
  /** Another one than `make build` leaves. */
  readonly program?: string;
  readonly extra?: readonly string[];
  /** Where the processes say what happens; dropped unless given. */
  readonly log?: (line: string) => void;
}

/** A cluster of real processes, started as a person starts it. */
export class UpCluster {
  readonly ready: Ready;
  readonly basePort: number;
  readonly #child: ChildProcess;
  readonly #ownsData: boolean;
  readonly #operators = new Map<string, Client<typeof ClusterService>>();

  static async start(options: UpOptions = {}): Promise<UpCluster> {
    const dataDir = options.dataDir ?? mkdtempSync(path.join(tmpdir(), "cabildo-test-"));
    const basePort = options.basePort ?? (await freeBasePort());
    const args = [
      options.program ?? CABILDO,
      "up",
      "--data",
      dataDir,
      "--base-port",
      String(basePort),
      "--layout",
      options.layout ?? "compact",
      ...(options.extra ?? []),
    ];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
    const ready = await readReady(child, options.log ?? (() => undefined));
    return new UpCluster(child, ready, basePort, options.dataDir === undefined);
  }

  private constructor(child: ChildProcess, ready: Ready, basePort: number, ownsData: boolean) {
    this.#child = child;
    this.ready = ready;
    this.basePort = basePort;
    this.#ownsData = ownsData;
  }

  get ca(): string {
    return readFileSync(this.ready.ca, "utf8");
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** As in the file that the supervisor keeps up to date: process ids change with restarts. */
  current(): Ready {
    return JSON.parse(readFileSync(path.join(this.ready.dataDir, "ready.json"), "utf8")) as Ready;
  }

  /** Registers and signs in. */
  async person(user: string): Promise<Person> {
    const auth = createClient(AuthService, this.#transport());
    const password = passwordOf(user);
    await auth.register({ userId: user, password, displayName: user, timeZone: "UTC" });
    return this.signIn(user);
  }

  /** Signs in someone who is registered. */
  async signIn(user: string): Promise<Person> {
    const password = passwordOf(user);
    const auth = createClient(AuthService, this.#transport());
    let login = await auth.login({ userId: user, password });
    const transport = this.#transport(() => login.accessToken);
    return {
      user,
      accessToken: login.accessToken,
      refreshToken: login.refreshToken,
      auth: createClient(AuthService, transport),
      users: createClient(UserService, transport),
      groups: createClient(GroupService, transport),
      events: createClient(EventService, transport),
      calendars: createClient(CalendarService, transport),
      sync: createClient(SyncService, transport),
      subscriptions: createClient(SubscriptionService, transport),
      notifications: createClient(NotificationService, transport),
      renew: async () => {
        login = await auth.refresh({ refreshToken: login.refreshToken });
        return login.accessToken;
      },
    };
  }

  /** The first one of the cluster, who is registered if nobody did before. */
  async administrator(): Promise<Person> {
    const credentials = { userId: ADMINISTRATOR, password: passwordOf(ADMINISTRATOR) };
    const bootstrapCredential = readFileSync(this.ready.adminCredential, "utf8").trim();
    const auth = createClient(AuthService, this.#transport());
    await auth.register({ ...credentials, bootstrapCredential }).catch((cause: unknown) => {
      if (ConnectError.from(cause).code !== Code.AlreadyExists) throw cause;
    });
    return this.signIn(ADMINISTRATOR);
  }

  /** As an operator sees it, asked of the first node that answers. */
  status(): Promise<ClusterStatus> {
    return this.#operate((operator) => operator.getStatus({}));
  }

  /** Hands a shard to a node, which may lead it already; again where its leader changed meanwhile. */
  async transfer(shard: string, toNode: string): Promise<void> {
    await eventually(
      () => this.#operate((operator) => operator.transferLeader({ shard, toNode })),
      { what: `${toNode} to be given ${shard}`, pauseMs: STATUS_PAUSE_MS },
    );
  }

  /** Asks one node after the other until one does it. */
  async #operate<T>(ask: (operator: Client<typeof ClusterService>) => Promise<T>): Promise<T> {
    let failure: unknown = new Error("no node");
    for (const { address } of this.current().nodes) {
      try {
        return await ask(this.#operatorAt(address));
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** Kept, because a handshake for each question would take the time that a restarting cluster needs. */
  #operatorAt(address: string): Client<typeof ClusterService> {
    const known = this.#operators.get(address);
    if (known !== undefined) return known;
    const transport = createGrpcTransport({
      baseUrl: `https://${address}`,
      nodeOptions: {
        ca: this.ca,
        cert: readFileSync(this.ready.operatorCert, "utf8"),
        key: readFileSync(this.ready.operatorKey, "utf8"),
      },
      defaultTimeoutMs: 3000,
    });
    const operator = createClient(ClusterService, transport);
    this.#operators.set(address, operator);
    return operator;
  }

  /** Every shard has a leader, and every replica is reachable and close behind it. */
  async healthy(): Promise<ClusterStatus> {
    return eventually(
      async () => {
        const status = await this.status();
        const well = status.shards.every(
          (shard) =>
            shard.leader !== "" &&
            shard.replicas.length >= 3 &&
            shard.replicas.every((replica) => replica.reachable && replica.lag < 200n),
        );
        return well ? status : undefined;
      },
      { pauseMs: STATUS_PAUSE_MS, what: "all replicas reachable and caught up" },
    );
  }

  /** Of the process of that name, once it runs. */
  async pidOf(name: string): Promise<number> {
    // A process that was just restarted serves a moment before the file names it.
    const { pid } = await eventually(
      () => {
        const { nodes, coordinators, fanouts } = this.current();
        const all = [...nodes, ...coordinators, ...fanouts];
        return all.find((item) => item.name === name && isAlive(item.pid));
      },
      { what: `${name} to run` },
    );
    return pid;
  }

  /** SIGKILL, as a machine that dies. Resolves when the process is gone. */
  async kill(name: string, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const pid = await this.pidOf(name);
    process.kill(pid, signal);
    if (signal === "SIGKILL") await eventually(() => !isAlive(pid), { what: `${name} to die` });
  }

  /** Ctrl-C; the data stays if it was named by the caller. Returns the exit code. */
  async stop(): Promise<number | null> {
    const pids = allPids(this.current());
    const exited = new Promise<number | null>((resolve) => {
      if (this.#child.exitCode !== null) resolve(this.#child.exitCode);
      this.#child.once("exit", (code) => {
        resolve(code);
      });
    });
    this.#child.kill("SIGINT");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    const code = await exited;
    clearTimeout(timer);
    await eventually(() => !pids.some(isAlive), {
      timeoutMs: STOP_TIMEOUT_MS,
      what: "all processes of the cluster to end",
    });
    if (this.#ownsData) rmSync(this.ready.dataDir, { recursive: true, force: true });
    return code;
  }

  #transport(token?: () => string): Transport {
    const authorize: Interceptor = (next) => (request) => {
      if (token !== undefined) request.header.set("authorization", `Bearer ${token()}`);
      return next(request);
    };
    return createGrpcTransport({
      baseUrl: this.ready.api,
      nodeOptions: { ca: this.ca },
      interceptors: [authorize],
    });
  }
}

const ADMINISTRATOR = "root";

export const passwordOf = (user: string): string => `${user} likes long passwords`;

export function repositoryRoot(): string {
  return path.resolve(
    import.meta.dirname,
    import.meta.dirname.includes("dist") ? "../../.." : "../..",
  );
}

/** The program as `make build` leaves it. */
export const CABILDO = path.join(repositoryRoot(), "dist/cabildo");

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function allPids(ready: Ready): number[] {
  return [...ready.nodes, ...ready.coordinators, ...ready.fanouts].map(({ pid }) => pid);
}

async function readReady(child: ChildProcess, log: (line: string) => void): Promise<Ready> {
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("no output to read");
  const said: string[] = [];
  createInterface({ input: stderr }).on("line", (line) => {
    said.push(line);
    if (said.length > 200) said.shift();
    log(line);
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      child.kill("SIGKILL");
      reject(new Error(`${why}\n${said.join("\n")}`));
    };
    const timer = setTimeout(() => {
      fail("the cluster did not become ready");
    }, READY_TIMEOUT_MS);
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`cabildo up ended with ${code}`);
    });
    createInterface({ input: stdout }).once("line", (line) => {
      clearTimeout(timer);
      child.removeAllListeners("exit");
      resolve(JSON.parse(line) as Ready);
    });
  });
}
