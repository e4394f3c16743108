/** What of a shard's state decides who should lead it. */
export interface ObservedShard {
  readonly name: string;
  /** Node; empty while nobody leads. */
  readonly leader: string;
  readonly replicas: readonly ObservedReplica[];
}

export interface ObservedReplica {
  readonly node: string;
  readonly reachable: boolean;
  readonly learner: boolean;
  readonly leaving: boolean;
  /** Why it may not vote; empty if it may. */
  readonly quarantine: string;
  /** Entries behind. */
  readonly lag: number | bigint;
  readonly load?: { readonly cpuPercent: number } | undefined;
}

/** A shard that is led, and may be led elsewhere. */
export interface LedShard {
  readonly name: string;
  readonly leader: string;
  /** What its leader has to do more than a follower; goes along when it moves. Above 0. */
  readonly weight: number;
  /** Nodes that could lead it now. */
  readonly candidates: readonly string[];
}

/** Who leads, and what that costs whom. Loads and weights are per cents of a core. */
export interface LeaderPlacement {
  /** Of each node, leading included. */
  readonly loads: ReadonlyMap<string, number>;
  readonly shards: readonly LedShard[];
}

/** Leading costs something where nothing is asked, too: so that the leaders of an idle cluster are spread. */
const LEADING_PERCENT = 1;
/** One that lacks more than this would keep callers waiting when it takes over. */
const LAG_MAX = 1000;

/** A node in `without` gives away what it leads, and takes nothing. */
export function observeLeaders(
  observed: readonly ObservedShard[],
  without: ReadonlySet<string> = new Set(),
): LeaderPlacement {
  const loads = new Map<string, number>();
  const shards: LedShard[] = [];
  for (const { name, leader, replicas } of observed) {
    for (const { node, load } of replicas) {
      const leading = node === leader ? LEADING_PERCENT : 0;
      loads.set(node, (loads.get(node) ?? 0) + (load?.cpuPercent ?? 0) + leading);
    }
    if (leader === "") continue;
    shards.push({
      name,
      leader,
      weight: LEADING_PERCENT + extraOfLeading(leader, replicas),
      candidates: replicas.filter((one) => canLead(one) && !without.has(one.node)).map(nodeOf),
    });
  }
  for (const node of without) if (loads.has(node)) loads.set(node, Infinity);
  return { loads, shards };
}

function extraOfLeading(leader: string, replicas: readonly ObservedReplica[]): number {
  const cpuOf = ({ load }: ObservedReplica): number => load?.cpuPercent ?? 0;
  const followers = replicas.filter(({ node, reachable }) => node !== leader && reachable);
  const own = replicas.find(({ node }) => node === leader);
  if (own === undefined || followers.length === 0) return 0;
  const following = followers.reduce((sum, one) => sum + cpuOf(one), 0) / followers.length;
  return Math.max(0, cpuOf(own) - following);
}

function canLead({ reachable, learner, leaving, quarantine, lag }: ObservedReplica): boolean {
  return reachable && !learner && !leaving && quarantine === "" && Number(lag) <= LAG_MAX;
}

const nodeOf = ({ node }: ObservedReplica): string => node;
