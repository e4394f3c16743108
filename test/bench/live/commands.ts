import { toJsonString } from "@bufbuild/protobuf";
import { CreateEventRequestSchema } from "../../../gen/cabildo/v1/events_pb.js";
import type { Person, UpCluster } from "../../support/up-cluster.js";
import { drive } from "../closed-loop.js";
import { SocketCalls } from "../socket-calls.js";
import { CREATE_EVENT, eventRequest } from "../writes.js";

const SECONDS = 4;
const IN_FLIGHT = 64;

/** Writes over sockets, 64 in flight in all. */
export async function measureCommands(
  cluster: UpCluster,
  person: Person,
  sockets: number,
): Promise<number> {
  const calls = await SocketCalls.open(cluster, person, sockets);
  const { tookMs, failures } = await drive(IN_FLIGHT, SECONDS, () =>
    calls.call(CREATE_EVENT, toJsonString(CreateEventRequestSchema, eventRequest(person.user))),
  );
  calls.close();
  if (failures > 0) throw new Error(`${failures} commands failed`);
  return tookMs.length / SECONDS;
}
