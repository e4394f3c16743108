/**
 * Measures the door of a cluster on this machine: calls over each protocol, what one costs the coordinator beside servers that do
 * nothing, what is still answered when more is asked than it can, in that shard and in another, and what callers see who repeat
 * nothing while leaders die. `--parts` chooses of these.
 */
import os from "node:os";
import path from "node:path";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import {
  CreateEventRequestSchema,
  EventSchema,
  EventService,
  GetEventRequestSchema,
  ListEventsRequestSchema,
} from "../../../gen/cabildo/v1/events_pb.js";
import { UpCluster, type Person } from "../../support/up-cluster.js";
import { closedLoop, drive, type Measured } from "../closed-loop.js";
import { flag } from "../flag.js";
import { chosenParts } from "../parts.js";
import { printTable } from "../print-table.js";
import { UnaryGrpc } from "../unary-grpc.js";
import { printCosts, summarizeCosts, type CostsSummary } from "./cost-summary.js";
import { measureDoorCosts } from "./door-costs.js";
import { measureLeaderKills, type LeaderKills } from "./leader-kills.js";
import { openWays, type Asked } from "./ways.js";

const PARTS = ["calls", "costs", "goodput", "neighbour", "kills"] as const;
const SERVICE = EventService.typeName;
const EVENTS = "/v1/calendars/ana/events";
const CALLERS = 16;
const SATURATED = 64;
const NEIGHBOURS = 4;
const KILLS = 5;
/** Of each server that costs are compared of: all together have to keep it up. */
const COST_RATE = 200;
const RATES_OFF = [
  "--coordinator-flag=--calls-per-second-max=1000000",
  "--coordinator-flag=--streams-per-connection-max=1000",
];

const parts = chosenParts(PARTS);
const seconds = Number(flag("seconds", "2"));
const rounds = Number(flag("rounds", "7"));
const warmUpCalls = Number(flag("warm-up-calls", "5000"));
const rows: (string | number)[][] = [];
let costs: CostsSummary | undefined;
let killed: LeaderKills | undefined;
let events = 0;
const cluster = await UpCluster.start({ extra: RATES_OFF });
const { ca } = cluster;
const { api, coordinators, dataDir } = cluster.ready;
const pids = coordinators.map(({ pid }) => pid);
try {
  const ana = await cluster.person("ana");
  await cluster.healthy();
  const { name } = await ana.events.createEvent(eventInit("ana"));
  if (parts.has("calls")) await measureCalls(ana, name);
  if (parts.has("costs")) costs = await measureCosts(ana, name);
  if (parts.has("goodput")) await measureGoodput(ana);
  if (parts.has("neighbour")) await measureNeighbour(ana, await cluster.person("nora"));
  if (parts.has("kills")) killed = await measureKills(ana);
} finally {
  await cluster.stop();
}
console.log(`${os.cpus().length} cores, Node ${process.version}; clients on the same cores`);
printTable(
  ["call", "over", "in flight", "per second", "p50 ms", "p99 ms", "CPU us", "refused/s"],
  rows,
);
if (costs !== undefined) printCosts(costs, COST_RATE);
if (killed !== undefined) printKills(killed);
console.log(JSON.stringify({ rows, costs, killed }));

/** Over each protocol once. */
async function measureCalls(ana: Person, name: string): Promise<void> {
  const token = await ana.renew();
  for (const [what, asked] of Object.entries({
    create: creating(),
    get: getting(name),
    "list of 10": listing(),
  })) {
    const { all, close } = openWays({ api, token, ca }, asked);
    for (const { protocol, http, call } of all) {
      if (protocol !== "gRPC" && http === "2") continue;
      note(what, protocol, await closedLoop({ inFlight: CALLERS, seconds, pids, call }));
    }
    close();
  }
}

async function measureCosts(ana: Person, name: string): Promise<CostsSummary> {
  const certs = path.join(dataDir, "certs");
  const tls = { cert: path.join(certs, "server.pem"), key: path.join(certs, "server-key.pem") };
  const coordinator = { api, token: ana.accessToken, ca, pids };
  const options = { perSecond: COST_RATE, rounds, warmUpCalls, newToken: () => ana.renew(), tls };
  return summarizeCosts(await measureDoorCosts(coordinator, getting(name), options));
}

async function measureGoodput(ana: Person): Promise<void> {
  for (const times of [1, 3, 10]) {
    const inFlight = SATURATED * times;
    const { call, close } = creator("ana", await ana.renew());
    note(`create, ${times}x`, "gRPC", await closedLoop({ inFlight, seconds, pids, call }));
    close();
  }
}

async function measureNeighbour(ana: Person, nora: Person): Promise<void> {
  const { call, close } = creator("nora", await nora.renew());
  const beside = { inFlight: NEIGHBOURS, seconds, pids, call };
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
  close();
}

async function measureKills(ana: Person): Promise<LeaderKills> {
  const { call, close } = creator("ana", await ana.renew());
  const measured = await measureLeaderKills(cluster, "events-am", KILLS, call);
  close();
  return measured;
}

function creating(): Asked {
  const body = () => toJsonString(EventSchema, create(EventSchema, eventInit("ana").event));
  return {
    ...{ service: SERVICE, method: "CreateEvent", schema: CreateEventRequestSchema },
    init: () => eventInit("ana"),
    rest: () => ({ method: "POST", path: EVENTS, body: body() }),
  };
}

function getting(name: string): Asked {
  return {
    ...{ service: SERVICE, method: "GetEvent", schema: GetEventRequestSchema },
    init: () => ({ name }),
    rest: () => ({ method: "GET", path: `/v1/${name}` }),
  };
}

function listing(): Asked {
  return {
    ...{ service: SERVICE, method: "ListEvents", schema: ListEventsRequestSchema },
    init: () => ({ parent: "calendars/ana", pageSize: 10 }),
    rest: () => ({ method: "GET", path: `${EVENTS}?pageSize=10` }),
  };
}

function creator(user: string, token: string) {
  const address = `localhost:${new URL(api).port}`;
  const grpc = new UnaryGrpc({ address, ca, token, path: `/${SERVICE}/CreateEvent` });
  const call = (): Promise<void> => {
    const request = create(CreateEventRequestSchema, eventInit(user));
    return grpc.call(toBinary(CreateEventRequestSchema, request));
  };
  return { call, close: () => grpc.close() };
}

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

function note(what: string, protocol: string, measured: Measured): void {
  const { inFlight, perSecond, p50Ms, p99Ms, cpuMicrosPerCall, failures } = measured;
  const times = [p50Ms.toFixed(1), p99Ms.toFixed(1)];
  rows.push([
    ...[what, protocol, inFlight, Math.round(perSecond), ...times],
    ...[Math.round(cpuMicrosPerCall), Math.round(failures / seconds)],
  ]);
  process.stderr.write(`${rows.at(-1)?.join("  ")}\n`);
}

function printKills({ kills, answered, longestMs, failed }: LeaderKills): void {
  console.log(`${kills} kills of the leader of events-am, callers who repeat nothing:`);
  console.log(`  answered: ${answered}, the longest after ${Math.round(longestMs)} ms`);
  for (const { code, count, firstMs, lastMs } of failed) {
    const when = `${Math.round(firstMs)} to ${Math.round(lastMs)} ms after the kill`;
    console.log(`  ${code}: ${count}, ${when}`);
  }
  if (failed.length === 0) console.log("  failed: none");
}
