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

export const CREATE_EVENT = "cabildo.v1.EventService/CreateEvent";
const VALUE_BYTES = 256;
const SPACING_SECONDS = 7_200;

export interface WriteRow extends Measured {
  readonly system: string;
  readonly protocol: string;
}

/** Committed writes into one calendar, over every protocol that the door speaks. */
export async function measureCabildo(
  cluster: UpCluster,
  person: Person,
  loads: { readonly inFlight: readonly number[]; readonly seconds: number },
): Promise<WriteRow[]> {
  const { api, nodes, coordinators, fanouts } = cluster.ready;
  const pids = [...nodes, ...coordinators, ...fanouts].map(({ pid }) => pid);
  const access = { ca: cluster.ca, token: person.accessToken };
  const rows: WriteRow[] = [];
  const json = (): string => toJsonString(CreateEventRequestSchema, eventRequest(person.user));
  for (const inFlight of loads.inFlight) {
    const grpc = new UnaryGrpc({
      ...access,
      address: `localhost:${new URL(api).port}`,
      path: `/${CREATE_EVENT}`,
    });
    const overGrpc = await closedLoop({
      ...loads,
      inFlight,
      pids,
      call: () => grpc.call(toBinary(CreateEventRequestSchema, eventRequest(person.user))),
    });
    grpc.close();
    rows.push({ system: "cabildo", protocol: "gRPC, unary, TLS", ...overGrpc });
    const http = new HttpJson({ ...access, url: `${api}/${CREATE_EVENT}`, connections: inFlight });
    const overHttp = await closedLoop({
      ...loads,
      inFlight,
      pids,
      call: () => http.call(json()),
    });
    http.close();
    rows.push({ system: "cabildo", protocol: "HTTP/1.1 JSON, TLS", ...overHttp });
    const socket = await SocketCalls.open(cluster, person, 1);
    const overSocket = await closedLoop({
      ...loads,
      inFlight,
      pids,
      call: () => socket.call(CREATE_EVENT, json()),
    });
    socket.close();
    rows.push({ system: "cabildo", protocol: "WSS, one socket", ...overSocket });
  }
  return rows;
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

let made = 0;

/** Hours apart, over all rows of the table, as in the calendar of a person: conflicts are looked for around each. */
export function eventRequest(calendar: string): CreateEventRequest {
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
