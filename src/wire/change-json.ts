import { toJson } from "@bufbuild/protobuf";
import { ChangeSchema } from "../../gen/cabildo/v1/sync_pb.js";
import type * as domain from "../domain/index.js";
import { changeToPublic } from "./public/index.js";
import type { ChangePlace } from "./public/index.js";

/** Proto3 JSON of `cabildo.v1.Change`, without `previousSequence`. */
export function changeToJson(change: domain.Change, place: ChangePlace): string {
  return JSON.stringify(toJson(ChangeSchema, changeToPublic(change, place)));
}
