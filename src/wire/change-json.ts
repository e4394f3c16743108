import { toJson } from "@bufbuild/protobuf";
import { ChangeSchema } from "../../gen/cabildo/v1/sync_pb.js";
import type { Change } from "../domain/index.js";
import { changeToPublic } from "./public/index.js";
import type { ChangePlace } from "./public/index.js";

/** Proto3 JSON of `cabildo.v1.Change`. A `previousSequence` of 0 is left out. */
export function changeToJson(change: Change, place: ChangePlace): string {
  return JSON.stringify(toJson(ChangeSchema, changeToPublic(change, place)));
}
