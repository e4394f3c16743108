import Table from "cli-table3";
import type { WriteRow } from "./writes.js";

export function writeTable(rows: readonly WriteRow[]): string {
  const table = new Table({
    head: [
      "system",
      "protocol",
      "in flight",
      "writes/s",
      "p50 ms",
      "p99 ms",
      "CPU us/write",
      "failed",
    ],
    style: { head: [], border: [] },
  });
  for (const row of rows) {
    table.push([
      row.system,
      row.protocol,
      row.inFlight,
      Math.round(row.perSecond),
      row.p50Ms.toFixed(1),
      row.p99Ms.toFixed(1),
      Math.round(row.cpuMicrosPerCall),
      row.failures,
    ]);
  }
  return table.toString();
}
