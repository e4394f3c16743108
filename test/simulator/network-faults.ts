import type { SeededRandom } from "../raft/seeded-random.js";
import type { SimulatedCluster } from "./cluster.js";
import { drawDurationMs } from "./fault.js";
import type { Fault } from "./fault.js";
import { CALM } from "./network.js";
import type { NetworkCounts, NetworkWeather } from "./network.js";
import type { SimulatedNode } from "./node.js";

type Link = readonly [from: string, to: string];

function weather(
  count: keyof NetworkCounts,
  draw: (random: SeededRandom) => Partial<NetworkWeather>,
): Fault {
  return async ({ network, time }, random) => {
    const before = network.counts[count];
    const worse = draw(random);
    network.weather = { ...network.weather, ...worse };
    await time.sleep(drawDurationMs(random) * 1.5);
    const calm: Partial<NetworkWeather> = Object.fromEntries(
      Object.keys(worse).map((name) => [name, CALM[name as keyof NetworkWeather]]),
    );
    network.weather = { ...network.weather, ...calm };
    return network.counts[count] > before;
  };
}

function cut(
  draw: (
    names: readonly string[],
    random: SeededRandom,
    cluster: SimulatedCluster,
  ) => readonly Link[],
): Fault {
  return async (cluster, random) => {
    const { network, time, nodes } = cluster;
    const before = network.counts.blocked;
    const links = draw(
      nodes.filter(({ isRetired }) => !isRetired).map(({ name }) => name),
      random,
      cluster,
    );
    for (const [from, to] of links) network.cut(from, to);
    await time.sleep(drawDurationMs(random) * 1.5);
    for (const [from, to] of links) network.heal(from, to);
    return network.counts.blocked > before;
  };
}

/** The leader is as likely as all others together. */
export function pickVictim(
  cluster: SimulatedCluster,
  random: SeededRandom,
): SimulatedNode | undefined {
  const shard = random.pick(cluster.plan.shards) ?? 1;
  const leader = cluster.leader(shard)?.node;
  const all = cluster.nodes.filter(({ isRetired }) => !isRetired);
  return leader !== undefined && random.chance(0.5) ? leader : random.pick(all);
}

function around(name: string, names: readonly string[]): Link[] {
  return names.flatMap((other): Link[] => (other === name ? [] : [[name, other]]));
}

const reversed = (links: readonly Link[]): Link[] => links.map(([from, to]) => [to, from]);

export const loss = weather("lost", (random) => ({ loss: random.next() * 0.5 }));
export const delay = weather("delayed", (random) => ({
  delayMs: 1 + random.next() ** 2 * 150,
  jitterMs: random.next() * 80,
}));
export const duplicates = weather("duplicated", (random) => ({ duplicate: random.next() * 0.5 }));
export const reordering = weather("overtaken", (random) => ({
  overtake: random.next() * 0.5,
  jitterMs: random.next() * 10,
}));

export const isolation = cut((names, random, cluster) => {
  const links = around(pickVictim(cluster, random)?.name ?? "", names);
  return [...links, ...reversed(links)];
});

/** Somebody is heard and hears nobody, or the other way round. */
export const oneWayCut = cut((names, random, cluster) => {
  const links = around(pickVictim(cluster, random)?.name ?? "", names);
  return random.chance(0.5) ? links : reversed(links);
});

/** Two halves that hear each other only through one node that hears all. */
export const bridge = cut((names, random) => {
  const between = random.pick(names);
  const others = names.filter((name) => name !== between);
  const half = new Set(others.filter(() => random.chance(0.5)));
  const links = others.flatMap((from) =>
    half.has(from) ? others.flatMap((to): Link[] => (half.has(to) ? [] : [[from, to]])) : [],
  );
  return [...links, ...reversed(links)];
});
