import type { DescService } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import type { Client, Interceptor, Transport } from "@connectrpc/connect";
import { AgendaService } from "../../gen/cabildo/v1/agenda_pb.js";
import { AuthService } from "../../gen/cabildo/v1/auth_pb.js";
import { CalendarService } from "../../gen/cabildo/v1/calendars_pb.js";
import { EventService } from "../../gen/cabildo/v1/events_pb.js";
import { GroupService } from "../../gen/cabildo/v1/groups_pb.js";
import { NotificationService } from "../../gen/cabildo/v1/notifications_pb.js";
import { SubscriptionService } from "../../gen/cabildo/v1/subscriptions_pb.js";
import { SyncService } from "../../gen/cabildo/v1/sync_pb.js";
import { UserService } from "../../gen/cabildo/v1/users_pb.js";
import { authorize, complete, createFailoverTransport } from "./api-transport.js";
import { createLiveTransport } from "./live-transport.js";
import { Live } from "./live.js";
import type { LiveState } from "./live-link.js";
import type { OpenSocket } from "./live-socket.js";
import { Positions } from "./positions.js";
import { Session } from "./tokens.js";
import type { TokenSource, TokenStore } from "./tokens.js";
import { WatchedCalendar } from "./watch-calendar.js";
import type { CalendarWatcher } from "./watch-calendar.js";

const TIMEOUT_MS = 15_000;

export interface CabildoOptions {
  /** https addresses of the API, in order of preference. */
  readonly api: readonly [string, ...string[]];
  /** wss addresses of the live channels, in order of preference. */
  readonly live: readonly [string, ...string[]];
  /** Where a login is kept; in memory by default. */
  readonly tokenStore?: TokenStore;
  /** Instead of logging in through this client. */
  readonly tokens?: TokenSource;
  /** How long a call may take at most; 15 s by default. */
  readonly timeoutMs?: number;
  /** Told whenever the live connection changes. */
  readonly onLiveState?: (state: LiveState) => void;
}

/** What differs between browsers and Node. */
export interface Platform {
  createTransport(options: {
    readonly baseUrl: string;
    readonly defaultTimeoutMs: number;
    readonly interceptors: Interceptor[];
  }): Transport;
  readonly openSocket: OpenSocket;
  /** Tells the client when the network or the page comes and goes; the result stops that. */
  watchNetwork(live: Live): () => void;
}

/**
 * The whole of Cabildo for a program: the API, typed from its contracts, and the live channels, with one login for
 * both.
 */
export class Cabildo {
  readonly session: Session;
  readonly live: Live;
  readonly agenda: Client<typeof AgendaService>;
  readonly auth: Client<typeof AuthService>;
  readonly calendars: Client<typeof CalendarService>;
  readonly events: Client<typeof EventService>;
  readonly groups: Client<typeof GroupService>;
  readonly notifications: Client<typeof NotificationService>;
  readonly subscriptions: Client<typeof SubscriptionService>;
  readonly sync: Client<typeof SyncService>;
  readonly users: Client<typeof UserService>;
  readonly #transport: Transport;
  readonly #liveTransport: Transport;
  readonly #stopWatching: () => void;

  constructor(options: CabildoOptions, platform: Platform) {
    const positions = new Positions();
    const connect = (interceptors: Interceptor[]): Transport => {
      const [first, ...others] = options.api;
      const defaultTimeoutMs = options.timeoutMs ?? TIMEOUT_MS;
      const open = (baseUrl: string): Transport =>
        platform.createTransport({ baseUrl, defaultTimeoutMs, interceptors });
      const transports: [Transport, ...Transport[]] = [open(first), ...others.map(open)];
      return createFailoverTransport({ transports, random: Math.random, sleep });
    };
    this.session = new Session(createClient(AuthService, connect([])), options.tokenStore);
    const tokens = options.tokens ?? this.session;
    this.#transport = connect([complete(positions), authorize(tokens)]);
    this.agenda = this.service(AgendaService);
    this.auth = this.service(AuthService);
    this.calendars = this.service(CalendarService);
    this.events = this.service(EventService);
    this.groups = this.service(GroupService);
    this.notifications = this.service(NotificationService);
    this.subscriptions = this.service(SubscriptionService);
    this.sync = this.service(SyncService);
    this.users = this.service(UserService);
    const { openSocket } = platform;
    this.live = new Live(
      { urls: options.live, tokens, positions, openSocket, random: Math.random },
      options.onLiveState,
    );
    const direct = createLiveTransport({
      live: this.live,
      interceptors: [complete(positions)],
      defaultTimeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    });
    this.#liveTransport = createFailoverTransport({
      transports: [direct],
      random: Math.random,
      sleep,
    });
    this.#stopWatching = platform.watchNetwork(this.live);
  }

  /** A client of any service behind the same addresses, with the same login. */
  service<Service extends DescService>(service: Service): Client<Service> {
    return createClient(service, this.#transport);
  }

  /** The same over the socket of the live channels, which costs less a call; not for AuthService, nor for streams. */
  liveService<Service extends DescService>(service: Service): Client<Service> {
    return createClient(service, this.#liveTransport);
  }

  /** Keeps a local copy of a calendar, such as `calendars/ana`, exact. */
  watchCalendar(calendar: string, watcher: CalendarWatcher): WatchedCalendar {
    return new WatchedCalendar(calendar, this.events, this.live, watcher);
  }

  /** Ends the live channels. Calls that are under way go on. Idempotent. */
  close(): void {
    this.#stopWatching();
    this.live.close();
  }
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
