import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { RuntimeLimits } from "../../../src/runtime/index.js";
import { createTestAuthority } from "../../support/certificates.js";
import { eventually } from "../../support/eventually.js";
import { freeBasePort } from "../../support/free-ports.js";
import { EngineNode } from "../engine/engine-node.js";
import type { EngineNodeSetup, EnginePlace } from "../engine/messages.js";
import type { FailoverSignal, Group } from "./trials.js";

const NAMES = ["node-1", "node-2", "node-3"];
const CLOSE_ENTRIES = 10;

/** Three processes of the bare engine. */
export class EngineGroup implements Group {
  readonly #root: string;
  readonly #setups: readonly EngineNodeSetup[];
  readonly #nodes: EngineNode[];

  static async start(limits?: Partial<RuntimeLimits>): Promise<EngineGroup> {
    const root = mkdtempSync(path.join(tmpdir(), "cabildo-failover-"));
    const base = await freeBasePort();
    const authority = await createTestAuthority();
    const addresses = NAMES.map((name, i) => ({ name, address: `127.0.0.1:${base + i}` }));
    const setups: EngineNodeSetup[] = [];
    for (const { name, address } of addresses) {
      const tls = await authority.process("bench", "node", name);
      setups.push({
        name,
        address,
        peers: addresses.filter((peer) => peer.name !== name),
        directory: path.join(root, name),
        tls: { ca: String(tls.ca), cert: String(tls.cert), key: String(tls.key) },
        ...(limits === undefined ? {} : { limits }),
      });
    }
    const nodes = await Promise.all(setups.map((setup) => EngineNode.start(setup)));
    return new EngineGroup(root, setups, nodes);
  }

  private constructor(root: string, setups: readonly EngineNodeSetup[], nodes: EngineNode[]) {
    this.#root = root;
    this.#setups = setups;
    this.#nodes = nodes;
  }

  settled(): Promise<number> {
    return eventually(
      async () => {
        const places = await this.places();
        const leader = places.findIndex(({ leads }) => leads);
        const applied = places.map((place) => place.applied);
        const close = Math.max(...applied) - Math.min(...applied) <= CLOSE_ENTRIES;
        return close && leader >= 0 ? { leader } : undefined;
      },
      { what: "the group to settle" },
    ).then(({ leader }) => leader);
  }

  places(): Promise<readonly EnginePlace[]> {
    return Promise.all(this.#nodes.map((node) => node.place()));
  }

  node(member: number): EngineNode {
    const node = this.#nodes[member];
    if (node === undefined) throw new Error(`no member ${member}`);
    return node;
  }

  signal(member: number, signal: NodeJS.Signals): void {
    this.node(member).signal(signal);
  }

  async restore(member: number, signal: FailoverSignal): Promise<void> {
    if (signal === "SIGSTOP") {
      this.signal(member, "SIGCONT");
      return;
    }
    await this.node(member).ended;
    await this.restart(member);
  }

  async restart(member: number): Promise<void> {
    const setup = this.#setups[member];
    if (setup !== undefined) this.#nodes[member] = await EngineNode.start(setup);
  }

  put(member: number): Promise<boolean> {
    return this.node(member).put();
  }

  stop(): void {
    for (const node of this.#nodes) node.stop();
    rmSync(this.#root, { recursive: true, force: true });
  }
}
