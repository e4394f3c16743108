import { eventually } from "../../support/eventually.js";
import type { Etcd } from "../etcd.js";
import type { FailoverSignal, Group } from "./trials.js";

/** etcd keeps a put while nobody leads: it is asked anew each time. */
const PUT_MS = 100;

export class EtcdGroup implements Group {
  readonly #etcd: Etcd;

  constructor(etcd: Etcd) {
    this.#etcd = etcd;
  }

  async settled(): Promise<number> {
    const { members } = this.#etcd;
    await eventually(
      async () => (await Promise.all(members.map((_, member) => this.put(member)))).every(Boolean),
      { what: "every member of etcd to take writes" },
    );
    const leader = await eventually(() => this.#etcd.leader(), { what: "etcd to have a leader" });
    return members.findIndex(({ client }) => client === leader);
  }

  signal(member: number, signal: NodeJS.Signals): void {
    this.#etcd.signal(member, signal);
  }

  async restore(member: number, signal: FailoverSignal): Promise<void> {
    if (signal === "SIGSTOP") this.signal(member, "SIGCONT");
    else await this.#etcd.restart(member);
  }

  async put(member: number): Promise<boolean> {
    const client = this.#etcd.members[member]?.client ?? "";
    try {
      const { ok } = await fetch(`http://${client}/v3/kv/put`, {
        method: "POST",
        body: JSON.stringify({ key: "a2V5", value: "dmFsdWU=" }),
        signal: AbortSignal.timeout(PUT_MS),
      });
      return ok;
    } catch {
      return false;
    }
  }

  stop(): void {
    this.#etcd.stop();
  }
}
