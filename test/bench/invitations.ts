import type { Person, UpCluster } from "../support/up-cluster.js";
import { eventually } from "../support/eventually.js";
import { drive } from "./closed-loop.js";
import { openOne } from "./live/sockets.js";

const SPACING_SECONDS = 7_200;
const PUSH = /"resourceName":"([^"]+)".*?"time":"([^"]+)"/u;

export interface InvitationRow {
  readonly inFlight: number;
  readonly invitations: number;
  readonly perSecond: number;
  /** From the organiser's commit in one shard to the attendee's in the other. */
  readonly commitP50Ms: number;
  readonly commitP99Ms: number;
  /** From the organiser's commit to the attendee's socket. */
  readonly heardP50Ms: number;
  readonly heardP99Ms: number;
}

/** How soon an invitation is in the attendee's calendar, which another shard has, and on the attendee's screen. By one clock. */
export async function measureInvitations(
  cluster: UpCluster,
  organizer: Person,
  attendee: Person,
  { inFlight, seconds }: { readonly inFlight: number; readonly seconds: number },
): Promise<InvitationRow> {
  const arrivals = new Map<string, { readonly committedMs: number; readonly heardMs: number }>();
  const listener = await openOne(cluster.ca, attendee.accessToken, cluster.ready.wss);
  const channels = [`calendars/${attendee.user}`];
  await new Promise<void>((resolve) => {
    listener.onLine = (line) => {
      if (line.startsWith('{"id":2,')) resolve();
      const [, name = "", time = ""] = line.startsWith('{"push"') ? (PUSH.exec(line) ?? []) : [];
      const isFirst = name !== "" && !arrivals.has(idOf(name));
      if (isFirst) arrivals.set(idOf(name), { committedMs: Date.parse(time), heardMs: Date.now() });
    };
    listener.socket.send(JSON.stringify({ id: 2, subscribe: { channels } }));
  });
  const commits = new Map<string, number>();
  const startMs = performance.now();
  let next = 0;
  await drive(inFlight, seconds, async () => {
    const start = BigInt(1_900_000_000 + next++ * SPACING_SECONDS);
    const { name, createTime } = await organizer.events.createEvent({
      parent: `calendars/${organizer.user}`,
      event: {
        title: "Council",
        attendees: [{ user: `users/${attendee.user}` }],
        span: {
          case: "timed",
          value: { startTime: { seconds: start }, endTime: { seconds: start + 3_600n } },
        },
      },
    });
    const { seconds: whole = 0n, nanos = 0 } = createTime ?? {};
    commits.set(idOf(name), Number(whole) * 1000 + nanos / 1e6);
  });
  const perSecond = commits.size / ((performance.now() - startMs) / 1000);
  await eventually(() => [...commits.keys()].every((id) => arrivals.has(id)), {
    timeoutMs: 30_000,
    what: "all invitations",
  });
  listener.socket.removeAllListeners("close").terminate();
  const ages = (of: "committedMs" | "heardMs"): ((part: number) => number) => {
    const sorted = [...commits]
      .map(([id, ms]) => Math.max(0, (arrivals.get(id)?.[of] ?? Infinity) - ms))
      .sort((a, b) => a - b);
    return (part) => sorted[Math.floor(part * (sorted.length - 1))] ?? NaN;
  };
  const [committed, heard] = [ages("committedMs"), ages("heardMs")];
  return {
    inFlight,
    invitations: commits.size,
    perSecond,
    commitP50Ms: committed(0.5),
    commitP99Ms: committed(0.99),
    heardP50Ms: heard(0.5),
    heardP99Ms: heard(0.99),
  };
}

/** The same in both calendars. */
function idOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
