import {
  compareCallCosts,
  type CallCosts,
  type Comparison,
  type CostOptions,
  type Server,
} from "./call-cost.js";
import { IdleProcess, type TlsFiles } from "./idle-process.js";
import { openWays, type Asked, type Door, type Way, type Ways } from "./ways.js";

export interface DoorCostOptions extends Omit<CostOptions, "renew"> {
  readonly newToken: () => Promise<string>;
  /** The coordinator's; the others use them too. */
  readonly tls: TlsFiles;
}

/** A door of a server, and which ways of all lead through it. */
interface Opened {
  readonly server: Server;
  readonly ways: Ways;
  readonly speaks: (way: Way) => boolean;
}

/**
 * What a call costs the coordinator, beside a connect-node and a bare server that do nothing but answer it, over each protocol
 * and version of HTTP that they speak.
 */
export async function measureDoorCosts(
  { pids, ...door }: Door & { readonly pids: readonly number[] },
  asked: Asked,
  { newToken, tls, ...options }: DoorCostOptions,
): Promise<CallCosts> {
  const [connectNode, bareHttp2, bareHttp1] = await Promise.all([
    IdleProcess.start("connect-node", tls),
    IdleProcess.start("bare-http2", tls),
    IdleProcess.start("bare-http1", tls),
  ]);
  const waysOf = ({ url }: IdleProcess): Ways => openWays({ ...door, api: url }, asked);
  const bare = { name: "bare", pids: [bareHttp2.pid, bareHttp1.pid] };
  const opened: readonly Opened[] = [
    {
      server: { name: "coordinator", pids },
      ways: openWays(door, asked),
      speaks: () => true,
    },
    {
      server: { name: "connect-node", pids: [connectNode.pid] },
      ways: waysOf(connectNode),
      speaks: ({ protocol }) => protocol !== "REST",
    },
    { server: bare, ways: waysOf(bareHttp2), speaks: ({ http }) => http === "2" },
    { server: bare, ways: waysOf(bareHttp1), speaks: ({ http }) => http === "1.1" },
  ];
  try {
    return await compareCallCosts(comparisonsOf(opened), {
      ...options,
      renew: async () => {
        const token = await newToken();
        for (const { ways } of opened) ways.renew(token);
      },
    });
  } finally {
    for (const { ways } of opened) ways.close();
    for (const process of [connectNode, bareHttp2, bareHttp1]) process.stop();
  }
}

/** One for each way of the first, which speaks all. */
function comparisonsOf(opened: readonly Opened[]): readonly Comparison[] {
  const [first] = opened;
  return (first?.ways.all ?? []).map(({ protocol, http }) => ({
    protocol,
    http,
    called: opened.flatMap(({ server, ways, speaks }) =>
      ways.all
        .filter((way) => way.protocol === protocol && way.http === http && speaks(way))
        .map(({ call }) => ({ server, call })),
    ),
  }));
}
