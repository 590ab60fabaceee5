/**
 * What a server did between two moments: rates and latencies, from its counters then and now. `varve top` shows it, and
 * prints it with --json as it is: bytes, seconds, shares from 0 to 1, latencies in ms.
 */
import { quantile, type SparseCounts, since } from '../fuse/latency-buckets.js';
import { pageSize } from '../units.js';
import { type Activity, summarized } from './activity.js';

export interface OperationSample {
  readonly kind: string;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

/** Who asked: the share of the requests whose askers are known. Process 0: the kernel, by itself. */
export interface CallerSample {
  readonly pid: number;
  readonly name: string;
  readonly share: number;
}

export interface Sample {
  readonly time: string;
  readonly mount: string;
  readonly image: string;
  /** Between the two moments. */
  readonly seconds: number;
  readonly upSeconds: number;
  readonly server: {
    readonly pid: number;
    /** Of one core. */
    readonly cpu: number;
    readonly memoryBytes: number;
    readonly journal: string;
    readonly failure: string | null;
  };
  /** Each a second; `fromMemory`: the share of attempts that did not have to wait for a node; null of none. */
  readonly requests: {
    readonly perSecond: number;
    readonly bytesRead: number;
    readonly bytesWritten: number;
    readonly fromMemory: number | null;
    /** At this moment. */
    readonly waiting: number;
  };
  /** All kinds together, 0 of none; then those that there were, the busiest first. */
  readonly latency: { readonly p50Ms: number; readonly p99Ms: number; readonly longestMs: number };
  /** Of the stretches in which nobody looked for requests, 0 of none; null: not known. */
  readonly away: { readonly p9999Ms: number; readonly longestMs: number } | null;
  readonly operations: readonly OperationSample[];
  readonly processes: readonly CallerSample[];
  /** Read from and written to the image, a second. */
  readonly store: {
    readonly bytesRead: number;
    readonly bytesWritten: number;
    readonly checkpoints: number;
    readonly records: number;
    readonly barriers: number;
    readonly committing: boolean;
  };
  readonly memory: {
    readonly pageBytes: number;
    readonly mostPageBytes: number;
    readonly dirtyBytes: number;
    readonly nodes: number;
    readonly mostNodes: number;
    readonly dirtyNodes: number;
    readonly nodeMisses: number;
  };
  readonly cleaner: {
    readonly movedBytes: number;
    readonly cleanings: number;
    /** Those that somebody waited for. */
    readonly urgent: number;
    readonly freeSegments: number;
    readonly segments: number;
  };
  readonly space: {
    readonly capacity: number;
    readonly used: number;
    readonly available: number;
    /** What it is used for, as of a moment ago; null: not known. */
    readonly byCause: Readonly<Record<string, number>> | null;
  };
}

/** What the two moments alone do not tell. */
export interface SampleContext {
  readonly time: Date;
  readonly processes: readonly CallerSample[];
  readonly byCause: Readonly<Record<string, number>> | null;
}

export function sampleBetween(before: Activity, after: Activity, context: SampleContext): Sample {
  const seconds = Math.max(after.at - before.at, 0.001) / 1000;
  const rate = (now: number | undefined, then: number | undefined): number => ((now ?? 0) - (then ?? 0)) / seconds;
  const driver = (name: string): number => rate(after.driver[name], before.driver[name]);
  const volume = (name: keyof Activity['volume']): number => rate(after.volume[name], before.volume[name]);
  const operations = operationsBetween(before, after, seconds);
  const { memory, space } = after;
  const attempts = driver('requests') + driver('suspended');
  return {
    time: context.time.toISOString(),
    mount: after.target,
    image: after.image,
    seconds,
    upSeconds: after.seconds,
    server: {
      pid: after.pid,
      cpu: rate(after.cpuSeconds, before.cpuSeconds),
      memoryBytes: after.memoryBytes,
      journal: after.journal,
      failure: after.failure,
    },
    requests: {
      perSecond: driver('requests'),
      bytesRead: driver('bytesRead'),
      bytesWritten: driver('bytesWritten'),
      fromMemory: attempts === 0 ? null : driver('requests') / attempts,
      waiting: after.driver.waiting ?? 0,
    },
    latency: inMs(added(Object.entries(after.latencies).map(([kind, now]) => countsSince(before, kind, now.counts)))),
    away: awayBetween(before, after),
    operations,
    processes: context.processes,
    store: {
      bytesRead: volume('bytesRead'),
      bytesWritten: volume('bytesWritten'),
      checkpoints: volume('checkpoints'),
      records: volume('records'),
      barriers: volume('barriers'),
      committing: after.committing,
    },
    memory: {
      pageBytes: memory.pages * pageSize,
      mostPageBytes: memory.mostPages * pageSize,
      dirtyBytes: memory.dirtyPages * pageSize,
      nodes: after.volume.nodes,
      mostNodes: after.volume.mostNodes,
      dirtyNodes: after.volume.dirtyNodes,
      nodeMisses: volume('nodeMisses'),
    },
    cleaner: {
      movedBytes: volume('moved') * pageSize,
      cleanings: volume('backgroundCleanings') + volume('foregroundCleanings'),
      urgent: volume('foregroundCleanings'),
      freeSegments: after.volume.freePlaces,
      segments: after.volume.places,
    },
    space: {
      capacity: space.capacity * pageSize,
      used: (space.capacity - space.available) * pageSize,
      available: Math.max(0, space.available) * pageSize,
      byCause: context.byCause,
    },
  };
}

const countsSince = (before: Activity, kind: string, now: SparseCounts): SparseCounts =>
  since(now, before.latencies[kind]?.counts ?? []);

function awayBetween(before: Activity, after: Activity): Sample['away'] {
  if (after.away === null) return null;
  const counts = since(after.away.counts, before.away?.counts ?? []);
  return { p9999Ms: quantile(counts, 0.9999), longestMs: quantile(counts, 1) };
}

function operationsBetween(before: Activity, after: Activity, seconds: number): OperationSample[] {
  const found: OperationSample[] = [];
  for (const [kind, { counts }] of Object.entries(after.latencies)) {
    const between = countsSince(before, kind, counts);
    const { count } = summarized(between);
    if (count > 0) found.push({ kind, perSecond: count / seconds, ...inMs(between) });
  }
  return found.sort((a, b) => b.perSecond - a.perSecond);
}

function inMs(counts: SparseCounts): Sample['latency'] {
  const { p50, p99, longest } = summarized(counts);
  return { p50Ms: p50, p99Ms: p99, longestMs: longest };
}

function added(all: readonly SparseCounts[]): SparseCounts {
  const sums = new Map<number, number>();
  for (const counts of all)
    for (let at = 0; at < counts.length; at += 2) sums.set(counts[at], (sums.get(counts[at]) ?? 0) + counts[at + 1]);
  return [...sums].sort(([a], [b]) => a - b).flat();
}
