const PAGE_ROWS_DEFAULT = 50;
const PAGE_ROWS_MAX = 1_000;

/** Rows of one page, where `pageSize` of them were asked for; 0 leaves the choice to us. */
export function pageRows(pageSize: number): number {
  return pageSize <= 0 ? PAGE_ROWS_DEFAULT : Math.min(pageSize, PAGE_ROWS_MAX);
}
