import Table from "cli-table3";
import { plainText } from "./plain-text.js";

/** A table for people. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({ head: [...head], style: { head: [], border: [], compact: true } });
  for (const row of rows) table.push(row.map(plainText));
  return table.toString();
}
