import { byId } from "./dom.js";
import type { Beat } from "./pulse.js";

const SPAN_MS = 60_000;
const LATENCY_MAX_MS = 3_000;
const LATENCY_MIN_MS = 1;
const DOT = 2.2;
const MARGIN = 14;
/** Room for the labels of the scale. */
const AXIS = 48;

/** The last minute: each write at the time of its answer, as high as it took, on a logarithmic scale. */
export class Timeline {
  readonly #canvas: HTMLCanvasElement;
  readonly #beats: Beat[] = [];
  readonly #kills: number[] = [];

  constructor() {
    const canvas = byId("timeline");
    if (!(canvas instanceof HTMLCanvasElement)) throw new Error("#timeline is no canvas");
    this.#canvas = canvas;
    const draw = (): void => {
      this.#draw();
      requestAnimationFrame(draw);
    };
    draw();
  }

  beat(beat: Beat): void {
    this.#beats.push(beat);
    while ((this.#beats[0]?.answeredMs ?? Infinity) < performance.now() - SPAN_MS) {
      this.#beats.shift();
    }
  }

  killed(atMs: number): void {
    this.#kills.push(atMs);
  }

  #draw(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = devicePixelRatio;
    if (this.#canvas.width !== Math.round(width * ratio)) {
      this.#canvas.width = Math.round(width * ratio);
      this.#canvas.height = Math.round(height * ratio);
    }
    const paint = this.#canvas.getContext("2d");
    if (paint === null) return;
    const style = getComputedStyle(this.#canvas);
    const color = (name: string): string => style.getPropertyValue(name);
    const now = performance.now();
    const x = (ms: number): number => width - ((now - ms) / SPAN_MS) * (width - AXIS);
    const y = (latencyMs: number): number => {
      const bounded = Math.min(LATENCY_MAX_MS, Math.max(LATENCY_MIN_MS, latencyMs));
      const part = Math.log(bounded / LATENCY_MIN_MS) / Math.log(LATENCY_MAX_MS / LATENCY_MIN_MS);
      return height - MARGIN - part * (height - 2 * MARGIN);
    };
    paint.setTransform(ratio, 0, 0, ratio, 0, 0);
    paint.clearRect(0, 0, width, height);
    paint.font = "11px ui-sans-serif, system-ui, sans-serif";
    for (const ms of [1, 10, 100, 1000]) {
      paint.strokeStyle = color("--line");
      paint.beginPath();
      paint.moveTo(0, y(ms));
      paint.lineTo(width, y(ms));
      paint.stroke();
      paint.fillStyle = color("--quiet");
      paint.fillText(ms < 1000 ? `${ms} ms` : "1 s", 2, y(ms) - 3);
    }
    paint.strokeStyle = color("--danger");
    for (const atMs of this.#kills) {
      if (now - atMs > SPAN_MS) continue;
      paint.beginPath();
      paint.moveTo(x(atMs), 0);
      paint.lineTo(x(atMs), height);
      paint.stroke();
    }
    for (const { shard, sentMs, answeredMs } of this.#beats) {
      if (now - answeredMs > SPAN_MS) continue;
      paint.fillStyle = color(shard === "events-am" ? "--ana" : "--nora");
      paint.beginPath();
      paint.arc(x(answeredMs), y(answeredMs - sentMs), DOT, 0, 2 * Math.PI);
      paint.fill();
    }
  }
}
