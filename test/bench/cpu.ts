import { readdirSync, readFileSync } from "node:fs";

/**
 * The time that the threads of processes have run so far, to the nanosecond where none runs at the moment (schedstat of each; its
 * stat counts hundredths of a second, of which a call is a small part). What a thread that has ended did is missing.
 */
export function cpuSeconds(pids: readonly number[]): number {
  let nanos = 0;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [ran = ""] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
      nanos += Number(ran);
    }
  }
  return nanos / 1e9;
}
