import { byId, make } from "./dom.js";
import type { Words } from "./words.js";

export interface ShardState {
  readonly name: string;
  readonly leader: string;
  readonly term: string;
  readonly replicas: readonly ReplicaState[];
}

interface ReplicaState {
  readonly node: string;
  /** leader, follower, candidate, pre-candidate, or unreachable. */
  readonly role: string;
}

/** Shards that have no leader for a moment when this process dies. */
export interface Killed {
  readonly node: string;
  readonly shards: readonly string[];
}

const LOOK_MS = 250;
const COLUMNS_MAX = 5;

/** The table of shards and replicas, and the button that kills a leader. */
export class ClusterView {
  readonly #words: Words;
  readonly #button: HTMLButtonElement;
  readonly #onKill: (killed: Killed, atMs: number) => void;
  #shards: readonly ShardState[] = [];
  #note: "kill" | "killing" | "healing" = "kill";
  #turn = 0;

  constructor(words: Words, onKill: (killed: Killed, atMs: number) => void) {
    this.#words = words;
    this.#onKill = onKill;
    const button = byId("kill");
    if (!(button instanceof HTMLButtonElement)) throw new Error("#kill is no button");
    this.#button = button;
    button.addEventListener("click", () => void this.#kill());
    words.onChange(() => this.#draw());
    this.#draw();
    void this.#look();
  }

  get #isWhole(): boolean {
    return (
      this.#shards.length > 0 &&
      this.#shards.every(
        ({ leader, replicas }) =>
          leader !== "" && replicas.every(({ role }) => role === "leader" || role === "follower"),
      )
    );
  }

  async #look(): Promise<never> {
    for (;;) {
      try {
        const response = await fetch("cluster");
        if (response.ok) this.#shards = (await response.json()) as readonly ShardState[];
      } catch {
        // Asked again.
      }
      if (this.#isWhole) this.#note = "kill";
      else if (this.#note === "kill") this.#note = "healing";
      this.#draw();
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Ana's shard and Nora's in turn. */
  async #kill(): Promise<void> {
    const shard = this.#turn++ % 2 === 0 ? "events-am" : "events-nz";
    this.#note = "killing";
    this.#shards = [];
    this.#draw();
    const atMs = performance.now();
    const response = await fetch("kill", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ shard }),
    });
    if (response.ok) this.#onKill((await response.json()) as Killed, atMs);
  }

  #draw(): void {
    const { of } = { of: (word: Parameters<Words["of"]>[0]) => this.#words.of(word) };
    this.#button.disabled = !this.#isWhole;
    this.#button.textContent = of(this.#note);
    if (this.#shards.length === 0) return;
    const nodes = [
      ...new Set(this.#shards.flatMap(({ replicas }) => replicas.map(({ node }) => node))),
    ];
    // Where each node has one replica, a column a node would be mostly empty.
    const byNode = nodes.length <= COLUMNS_MAX;
    const columns = byNode ? nodes.sort() : ["1", "2", "3"];
    const titles = columns.map((node) => make("th", "", byNode ? node : ""));
    const head = make("tr", "", make("th", "", of("shard")), ...titles);
    const rows = this.#shards.map(({ name, term, replicas }) => {
      const label = make("th", "", name, make("small", "", `${of("term")} ${term}`));
      label.scope = "row";
      const cells = columns.map((column, i) => {
        const replica = byNode ? replicas.find(({ node }) => node === column) : replicas[i];
        if (replica === undefined) return make("td", "");
        const role = roleWord(replica.role);
        const where = byNode ? [] : [make("small", "", replica.node)];
        const cell = make("td", "", make("span", `replica ${role}`, of(role), ...where));
        cell.dataset["role"] = role;
        return cell;
      });
      return make("tr", "", label, ...cells);
    });
    byId("cluster").replaceChildren(make("thead", "", head), make("tbody", "", ...rows));
  }
}

function roleWord(role: string): "leader" | "follower" | "candidate" | "unreachable" {
  switch (role) {
    case "leader":
    case "follower":
      return role;
    case "candidate":
    case "pre-candidate":
      return "candidate";
    default:
      return "unreachable";
  }
}
