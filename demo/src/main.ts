import type { LiveState } from "cabildo/client";
import { AgendaSide, spark } from "./agenda.js";
import { ClusterView } from "./cluster.js";
import { Counters } from "./counters.js";
import { byId, make } from "./dom.js";
import { Ledger } from "./ledger.js";
import { pulse } from "./pulse.js";
import type { Beat } from "./pulse.js";
import { Timeline } from "./timeline.js";
import { enterTown } from "./town.js";
import type { Town } from "./town.js";
import { Words } from "./words.js";

const DRAW_MS = 200;

const words = new Words();
const ledger = new Ledger();
const counters = new Counters(ledger, words);
const timeline = new Timeline();
let state: LiveState["kind"] | "connecting" = "connecting";

function showState(): void {
  const pill = byId("connection");
  pill.className = `pill ${state}`;
  const word = state === "connected" || state === "connecting" ? state : "waiting";
  pill.textContent = words.of(word);
}

async function start(): Promise<void> {
  showState();
  words.onChange(showState);
  new ClusterView(words, (killed, atMs) => {
    counters.killed(killed, atMs);
    timeline.killed(atMs);
  });
  const response = await fetch("town");
  const town = (await response.json()) as Town;
  const { ana, nora } = await enterTown(town, ({ kind }) => {
    state = kind;
    showState();
  });
  new AgendaSide("left", ana, words, { role: "proposes", onChange: spark });
  new AgendaSide("right", nora, words, { role: "answers", onChange: spark });
  const onBeat = (beat: Beat): void => {
    counters.beat(beat);
    timeline.beat(beat);
  };
  setInterval(() => counters.draw(), DRAW_MS);
  await Promise.all([pulse(ana, ledger, onBeat), pulse(nora, ledger, onBeat)]);
}

start().catch((error: unknown) => {
  byId("left").replaceChildren(make("p", "trouble", String(error)));
});
