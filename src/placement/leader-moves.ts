import type { LeaderPlacement } from "./leader-placement.js";

export interface LeaderMove {
  readonly shard: string;
  readonly from: string;
  readonly to: string;
}

/** A move pays if it makes the difference of two nodes smaller by more than this ... */
const MARGIN_PERCENT = 0.5;
/** ... and than this part of what the busier one has to do: loads are measured, and measures tremble. */
const MARGIN_RATIO = 0.1;

interface Weighed extends LeaderMove {
  /** By how much the difference of both nodes would be smaller. */
  readonly gain: number;
  readonly toLoad: number;
}

/**
 * The one change of leader that evens out most, if any is worth it: a shard of weight w goes from A to B only if
 * load(A) - load(B) > w + margin. Then B is still below what A was, the sum of the squares of all loads falls with every move, so
 * that moves come to an end; and before the shard would go back, loads must have changed by twice the margin.
 */
export function nextLeaderMove({ loads, shards }: LeaderPlacement): LeaderMove | undefined {
  let best: Weighed | undefined;
  for (const { name, leader, weight, candidates } of shards) {
    const fromLoad = loads.get(leader) ?? 0;
    for (const to of candidates) {
      if (to === leader) continue;
      const toLoad = loads.get(to) ?? 0;
      const gain = fromLoad - toLoad - weight;
      const margin = fromLoad === Infinity ? 0 : MARGIN_PERCENT + MARGIN_RATIO * fromLoad;
      if (!(gain > margin)) continue;
      const move = { shard: name, from: leader, to, gain, toLoad };
      if (best === undefined || isBetter(move, best)) best = move;
    }
  }
  return best && { shard: best.shard, from: best.from, to: best.to };
}

/** All moves until none is worth it, each as if those before were done. */
export function planLeaderMoves(placement: LeaderPlacement): readonly LeaderMove[] {
  const moves: LeaderMove[] = [];
  let after = placement;
  for (let move = nextLeaderMove(after); move !== undefined; move = nextLeaderMove(after)) {
    moves.push(move);
    after = afterMove(after, move);
  }
  return moves;
}

export function afterMove(
  { loads, shards }: LeaderPlacement,
  { shard, from, to }: LeaderMove,
): LeaderPlacement {
  const weight = shards.find(({ name }) => name === shard)?.weight ?? 0;
  const add = (node: string, load: number): [string, number] => [
    node,
    (loads.get(node) ?? 0) + load,
  ];
  return {
    loads: new Map([...loads, add(from, -weight), add(to, weight)]),
    shards: shards.map((led) => (led.name === shard ? { ...led, leader: to } : led)),
  };
}

/** Equal gains go to the node with the least to do, then by name: everyone who looks comes to the same. */
function isBetter(move: Weighed, than: Weighed): boolean {
  if (move.gain !== than.gain) return move.gain > than.gain;
  if (move.toLoad !== than.toLoad) return move.toLoad < than.toLoad;
  return move.shard !== than.shard ? move.shard < than.shard : move.to < than.to;
}
