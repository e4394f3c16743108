import { printTable } from "./print-table.js";
import type { WriteRow } from "./writes.js";

export function printWrites(rows: readonly WriteRow[]): void {
  printTable(
    ["system", "protocol", "in flight", "writes/s", "p50 ms", "p99 ms", "CPU us/write", "failed"],
    rows.map((row) => [
      row.system,
      row.protocol,
      row.inFlight,
      Math.round(row.perSecond),
      row.p50Ms.toFixed(1),
      row.p99Ms.toFixed(1),
      Math.round(row.cpuMicrosPerCall),
      row.failures,
    ]),
  );
}
