import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { CreateEventRequestSchema } from "../../gen/cabildo/v1/events_pb.js";
import type { CreateEventRequest } from "../../gen/cabildo/v1/events_pb.js";
import type { Person, UpCluster } from "../support/up-cluster.js";
import { closedLoop } from "./closed-loop.js";
import type { Measured } from "./closed-loop.js";
import { putRequest } from "./etcd.js";
import type { Etcd } from "./etcd.js";
import { HttpJson } from "./http-json.js";
import { SocketCalls } from "./socket-calls.js";
import { UnaryGrpc } from "./unary-grpc.js";

const CREATE_EVENT = "cabildo.v1.EventService/CreateEvent";
const VALUE_BYTES = 256;
const SPACING_SECONDS = 7_200;

export interface WriteRow extends Measured {
  readonly system: string;
  readonly protocol: string;
}

interface Load {
  readonly inFlight: number;
  readonly seconds: number;
}

/** Committed writes into one calendar, over every protocol that the door speaks. */
export async function measureCabildo(
  cluster: UpCluster,
  person: Person,
  loads: { readonly inFlight: readonly number[]; readonly seconds: number },
): Promise<WriteRow[]> {
  const rows: WriteRow[] = [];
  for (const inFlight of loads.inFlight) {
    const load = { ...loads, inFlight };
    rows.push(await measureGrpc(cluster, person, load));
    const { api } = cluster.ready;
    const access = { ca: cluster.ca, token: person.accessToken };
    const http = new HttpJson({ ...access, url: `${api}/${CREATE_EVENT}`, connections: inFlight });
    const overHttp = await closedLoop({
      ...load,
      pids: pidsOf(cluster),
      call: () => http.call(eventJson(person)),
    });
    http.close();
    rows.push({ system: "cabildo", protocol: "HTTP/1.1 JSON, TLS", ...overHttp });
    rows.push(await measureSockets(cluster, person, { ...load, sockets: 1 }));
  }
  return rows;
}

export async function measureGrpc(
  cluster: UpCluster,
  person: Person,
  load: Load,
): Promise<WriteRow> {
  const grpc = new UnaryGrpc({
    ca: cluster.ca,
    token: person.accessToken,
    address: `localhost:${new URL(cluster.ready.api).port}`,
    path: `/${CREATE_EVENT}`,
  });
  const measured = await closedLoop({
    ...load,
    pids: pidsOf(cluster),
    call: () => grpc.call(toBinary(CreateEventRequestSchema, eventRequest(person.user))),
  });
  grpc.close();
  return { system: "cabildo", protocol: "gRPC, unary, TLS", ...measured };
}

/** As many in flight in all, spread over the sockets. */
export async function measureSockets(
  cluster: UpCluster,
  person: Person,
  { sockets, ...load }: Load & { readonly sockets: number },
): Promise<WriteRow> {
  const calls = await SocketCalls.open(cluster, person, sockets);
  const measured = await closedLoop({
    ...load,
    pids: pidsOf(cluster),
    call: () => calls.call(CREATE_EVENT, eventJson(person)),
  });
  calls.close();
  const protocol = sockets === 1 ? "WSS, one socket" : `WSS, ${sockets} sockets`;
  return { system: "cabildo", protocol, ...measured };
}

function pidsOf({ ready: { nodes, coordinators, fanouts } }: UpCluster): readonly number[] {
  return [...nodes, ...coordinators, ...fanouts].map(({ pid }) => pid);
}

/** The same client and sizes against etcd: puts at the leader. */
export async function measureEtcd(
  etcd: Etcd,
  loads: { readonly inFlight: readonly number[]; readonly seconds: number },
): Promise<WriteRow[]> {
  const address = (await etcd.leader()) ?? etcd.members[0]?.client ?? "";
  const pids = etcd.members.map(({ pid }) => pid);
  const value = Buffer.alloc(VALUE_BYTES, "x");
  const rows: WriteRow[] = [];
  for (const inFlight of loads.inFlight) {
    const grpc = new UnaryGrpc({ address, path: "/etcdserverpb.KV/Put" });
    const overGrpc = await closedLoop({
      ...loads,
      inFlight,
      pids,
      call: (n) => grpc.call(putRequest(`key-${n}`, value)),
    });
    grpc.close();
    rows.push({ system: "etcd", protocol: "gRPC, unary, no TLS", ...overGrpc });
    const json = new HttpJson({ url: `http://${address}/v3/kv/put`, connections: inFlight });
    const overJson = await closedLoop({
      ...loads,
      inFlight,
      pids,
      call: (n) =>
        json.call(
          JSON.stringify({
            key: Buffer.from(`key-${n}`).toString("base64"),
            value: value.toString("base64"),
          }),
        ),
    });
    json.close();
    rows.push({ system: "etcd", protocol: "HTTP/1.1 JSON, no TLS", ...overJson });
  }
  return rows;
}

function eventJson({ user }: Person): string {
  return toJsonString(CreateEventRequestSchema, eventRequest(user));
}

let made = 0;

/** Hours apart, over all rows of the table, as in the calendar of a person: conflicts are looked for around each. */
function eventRequest(calendar: string): CreateEventRequest {
  const n = made++;
  const seconds = BigInt(1_800_000_000 + n * SPACING_SECONDS);
  return create(CreateEventRequestSchema, {
    parent: `calendars/${calendar}`,
    event: {
      title: `event ${n}`,
      description: "x".repeat(VALUE_BYTES - 40),
      span: {
        case: "timed",
        value: { startTime: { seconds }, endTime: { seconds: seconds + 60n } },
      },
    },
  });
}
