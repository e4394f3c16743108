import { RaftService } from "../../gen/cabildo/raft/v1/raft_pb.js";
import { serviceDefinition } from "../wire/index.js";

export const RAFT = serviceDefinition(RaftService);
