import type { RowCodecs } from "./rows.js";
import type { RowCodec, StateKey, View } from "./types.js";

/** Rows of one state, decoded. */
export class StateReader {
  readonly rows: RowCodecs;
  readonly view: View;

  constructor(rows: RowCodecs, view: View) {
    this.rows = rows;
    this.view = view;
  }

  has(key: StateKey): boolean {
    return this.view.get(key) !== undefined;
  }

  find<Row>(codec: RowCodec<Row>, key: StateKey): Row | undefined {
    const value = this.view.get(key);
    return value === undefined ? undefined : codec.decode(value);
  }
}
