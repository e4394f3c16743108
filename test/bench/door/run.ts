/**
 * Measures the door of a cluster on this machine: calls over each protocol, what one costs the coordinator beside servers that do
 * nothing, what is still answered when more is asked than it can, in that shard and in another, and what callers see who repeat
 * nothing while leaders die.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import os from "node:os";
import path from "node:path";
import {
  create,
  toBinary,
  toJsonString,
  type DescMessage,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  CreateEventRequestSchema,
  EventSchema,
  GetEventRequestSchema,
  ListEventsRequestSchema,
} from "../../../gen/cabildo/v1/events_pb.js";
import { UpCluster } from "../../support/up-cluster.js";
import { closedLoop, drive, type Measured } from "../closed-loop.js";
import { flag } from "../flag.js";
import { UnaryGrpc } from "../unary-grpc.js";
import { measureCallCosts, type CallCost, type Called, type Spread } from "./call-cost.js";
import { HttpLoad } from "./http-load.js";
import { measureLeaderKills, type LeaderKills } from "./leader-kills.js";
import { printTable } from "../print-table.js";

const SERVICE = "/cabildo.v1.EventService";
const EVENTS = "/v1/calendars/ana/events";
const CALLERS = 16;
const SATURATED = 64;
const NEIGHBOURS = 4;
const KILLS = 5;
const COST_RATE = 200;
/** connect-node knows no plain HTTP, and the bare handler nothing but what it is asked. */
const IDLE_PROTOCOLS: Readonly<Record<string, readonly string[]>> = {
  "connect-node": ["gRPC", "gRPC-Web", "Connect, JSON"],
  "bare http2": ["gRPC"],
};
const RATES_OFF = [
  "--coordinator-flag=--calls-per-second-max=1000000",
  "--coordinator-flag=--streams-per-connection-max=1000",
];

const seconds = Number(flag("seconds", "2"));
const warmUpCalls = Number(flag("warm-up-calls", "5000"));
const rows: (string | number)[][] = [];
const cluster = await UpCluster.start({ extra: RATES_OFF });
const children: ChildProcess[] = [];
let killed: LeaderKills;
let costs: readonly CallCost[];
let events = 0;
try {
  const ana = await cluster.person("ana");
  const nora = await cluster.person("nora");
  await cluster.healthy();
  const { name } = await ana.events.createEvent(eventInit("ana"));
  const { api, coordinators } = cluster.ready;
  const pids = coordinators.map(({ pid }) => pid);
  const address = `localhost:${new URL(api).port}`;
  const note = (what: string, protocol: string, measured: Measured): void => {
    const { inFlight, perSecond, p50Ms, p99Ms, cpuMicrosPerCall, failures } = measured;
    const times = [p50Ms.toFixed(1), p99Ms.toFixed(1)];
    rows.push([
      ...[what, protocol, inFlight, Math.round(perSecond), ...times],
      ...[Math.round(cpuMicrosPerCall), Math.round(failures / seconds)],
    ]);
    process.stderr.write(`${rows.at(-1)?.join("  ")}\n`);
  };
  const overEach = (
    door: { readonly api: string; readonly token: string },
    method: string,
    schema: DescMessage,
    init: () => MessageInitShape<DescMessage>,
    rest: () => { readonly method: string; readonly path: string; readonly body?: string },
  ) => {
    const rpc = `${SERVICE}/${method}`;
    const access = { ca: cluster.ca, token: door.token };
    const host = `localhost:${new URL(door.api).port}`;
    const grpc = new UnaryGrpc({ ...access, address: host, path: rpc });
    const http = new HttpLoad(door.api, door.token, cluster.ca);
    const bytes = (): Uint8Array => toBinary(schema, create(schema, init()));
    const post = { method: "POST", path: rpc };
    const web = { ...post, contentType: "application/grpc-web+proto" };
    const json = { ...post, contentType: "application/json" };
    const ways: Record<string, () => Promise<void>> = {
      gRPC: () => grpc.call(bytes()),
      "gRPC-Web": () => http.call({ ...web, body: sealed(bytes()) }),
      "Connect, JSON": () =>
        http.call({ ...json, body: toJsonString(schema, create(schema, init())) }),
      REST: () => http.call({ contentType: "application/json", ...rest() }),
    };
    const close = (): void => {
      for (const one of [grpc, http]) one.close();
    };
    const renew = (token: string): void => {
      for (const one of [grpc, http]) one.renew(token);
    };
    return { ways: Object.entries(ways), renew, close };
  };
  type AskedInEachWay = Parameters<typeof overEach> extends [unknown, ...infer Of] ? Of : never;
  const measure = async (what: string, ...of: AskedInEachWay): Promise<void> => {
    const { ways, close } = overEach({ api, token: ana.accessToken }, ...of);
    for (const [protocol, call] of ways) {
      note(what, protocol, await closedLoop({ inFlight: CALLERS, seconds, pids, call }));
    }
    close();
  };
  await measure(
    "create",
    "CreateEvent",
    CreateEventRequestSchema,
    () => eventInit("ana"),
    () => ({
      method: "POST",
      path: EVENTS,
      body: toJsonString(EventSchema, create(EventSchema, eventInit("ana").event)),
    }),
  );
  const get = () => ({ method: "GET", path: `/v1/${name}` });
  await measure("get", "GetEvent", GetEventRequestSchema, () => ({ name }), get);
  const page = { parent: "calendars/ana", pageSize: 10 };
  const list = () => ({ method: "GET", path: `${EVENTS}?pageSize=10` });
  await measure("list of 10", "ListEvents", ListEventsRequestSchema, () => page, list);

  const asked = ["GetEvent", GetEventRequestSchema, () => ({ name }), get] as const;
  const gets = overEach({ api, token: await ana.renew() }, ...asked);
  const called: Called[] = gets.ways.map(([over, call]) => ({ over, pids, call }));
  const idle: { close: () => void }[] = [];
  for (const kind of ["connect-node", "bare http2"]) {
    const { child, port } = await startIdle(kind, cluster.ready.dataDir);
    children.push(child);
    const ways = overEach({ api: `https://localhost:${port}`, token: ana.accessToken }, ...asked);
    idle.push(ways);
    for (const [protocol, call] of ways.ways) {
      if (!IDLE_PROTOCOLS[kind]?.includes(protocol)) continue;
      const over = `${protocol}, ${kind} that does nothing`;
      called.push({ over, pids: [child.pid ?? 0], call });
    }
  }
  costs = await measureCallCosts(called, {
    ...{ perSecond: COST_RATE, seconds, warmUpCalls },
    beforeRound: async () => gets.renew(await ana.renew()),
  });
  for (const ways of [gets, ...idle]) ways.close();
  const creating = { address, ca: cluster.ca, path: `${SERVICE}/CreateEvent` };
  const creator = (user: string, token: string) => {
    const grpc = new UnaryGrpc({ ...creating, token });
    const call = (): Promise<void> => {
      const request = create(CreateEventRequestSchema, eventInit(user));
      return grpc.call(toBinary(CreateEventRequestSchema, request));
    };
    return { call, close: () => grpc.close() };
  };
  for (const times of [1, 3, 10]) {
    const inFlight = SATURATED * times;
    const { call, close } = creator("ana", await ana.renew());
    note(`create, ${times}x`, "gRPC", await closedLoop({ inFlight, seconds, pids, call }));
    close();
  }
  const neighbour = creator("nora", await nora.renew());
  const beside = { inFlight: NEIGHBOURS, seconds, pids, call: neighbour.call };
  note("create in events-nz, alone", "gRPC", await closedLoop(beside));
  for (const times of [1, 10]) {
    const crowd = creator("ana", await ana.renew());
    const [measured] = await Promise.all([
      closedLoop(beside),
      drive(SATURATED * times, seconds + 1, crowd.call),
    ]);
    note(`the same, events-am at ${times}x`, "gRPC", measured);
    crowd.close();
  }
  const patient = creator("ana", await ana.renew());
  killed = await measureLeaderKills(cluster, "events-am", KILLS, patient.call);
  for (const one of [neighbour, patient]) one.close();
} finally {
  for (const child of children) child.kill();
  await cluster.stop();
}
const head = ["call", "over", "in flight", "per second", "p50 ms", "p99 ms", "CPU us", "refused/s"];
console.log(`${os.cpus().length} cores, Node ${process.version}; clients on the same cores`);
printTable(head, rows);
const costHead = ["CPU us of one get", `at ${COST_RATE}/s`, "as fast as it answers", "idle, %"];
printTable(
  costHead,
  costs.map(({ over, steady, busy, idlePercent }) => [
    over,
    spreadText(steady),
    spreadText(busy),
    idlePercent.toFixed(1),
  ]),
);
const { kills, answered, longestMs, failed } = killed;
console.log(`${kills} kills of the leader of events-am, callers who repeat nothing:`);
console.log(`  answered: ${answered}, the longest after ${Math.round(longestMs)} ms`);
for (const { code, count, firstMs, lastMs } of failed) {
  const when = `${Math.round(firstMs)} to ${Math.round(lastMs)} ms after the kill`;
  console.log(`  ${code}: ${count}, ${when}`);
}
if (failed.length === 0) console.log("  failed: none");
console.log(JSON.stringify({ rows, costs, killed }));

/** One an hour, as people have them: what an event is in conflict with is looked for among those of its hour. */
function eventInit(user: string) {
  const n = events++;
  const startSeconds = BigInt(1_800_000_000 + n * 3600);
  return {
    parent: `calendars/${user}`,
    event: {
      title: `event ${n}`,
      span: {
        case: "timed" as const,
        value: { startTime: { seconds: startSeconds }, endTime: { seconds: startSeconds + 60n } },
      },
    },
  };
}

function spreadText({ perSecond, median, least, most }: Spread): string {
  const [middle, low, high, rate] = [median, least, most, perSecond].map(Math.round);
  return `${middle} (${low}-${high}), ${rate}/s`;
}

function sealed(message: Uint8Array): Uint8Array {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

async function startIdle(kind: string, dataDir: string) {
  const script = path.join(import.meta.dirname, "idle-server.js");
  const certs = path.join(dataDir, "certs");
  const files = [path.join(certs, "server.pem"), path.join(certs, "server-key.pem")];
  const child = spawn(process.execPath, [script, kind, ...files], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, port: Number(line.toString()) };
}
