import { formatTable } from "../../src/main/table.js";

/** Prints a table as the command line has them; of nothing, none. */
export function printTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  if (rows.length === 0) return;
  console.log(
    formatTable(
      head,
      rows.map((row) => row.map(String)),
    ),
  );
}
