/**
 * What the server of a mount does, in counts since the mount: what `varve top` and `varve metrics` are made of, which ask
 * for it again and again, so putting it together takes no more than a walk over counters.
 */

import type { Mounted } from '../fuse/driver.js';
import type { KindLatency } from '../fuse/latencies.js';
import { quantile, total } from '../fuse/latency-buckets.js';
import type { Memory } from '../posix/inode/context.js';
import type { Counted } from '../volume/counted.js';
import type { Service } from './service.js';

export interface Activity {
  readonly image: string;
  readonly target: string;
  readonly pid: number;
  /** Of a clock that only goes forward, in ms: two of these differ by the time between them. */
  readonly at: number;
  /** Since the mount. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  readonly journal: string;
  /** Why nothing more can be written, if it can't. */
  readonly failure: string | null;
  /** A checkpoint is being written. */
  readonly committing: boolean;
  /** The driver's counters: requests, bytes of reads and writes, ... */
  readonly driver: Readonly<Record<string, number>>;
  readonly latencies: Readonly<Record<string, KindLatency>>;
  /** How long the server stayed away from the kernel's requests at a time; null: not known with this driver. */
  readonly away: KindLatency | null;
  /** Threads that made the last requests, and how many each; 0: the kernel, by itself. */
  readonly callers: readonly (readonly [thread: number, requests: number])[];
  readonly memory: Memory;
  /** In pages. */
  readonly space: {
    readonly capacity: number;
    readonly live: number;
    readonly reserved: number;
    readonly available: number;
  };
  readonly volume: Counted;
}

type Observed = Pick<Service, 'image' | 'volume' | 'filesystem'>;

/** As of now; callers of the requests that came after the first `since`. */
export function activityOf(
  { image, volume, filesystem }: Observed,
  mounted: Mounted,
  began: number,
  since: number,
): Activity {
  const now = performance.now();
  const driver = mounted.statistics();
  const { user, system } = process.cpuUsage();
  return {
    image,
    target: mounted.target,
    pid: process.pid,
    at: now,
    seconds: (now - began) / 1000,
    cpuSeconds: (user + system) / 1e6,
    memoryBytes: process.memoryUsage.rss(),
    journal: volume.journal,
    failure: volume.failure ?? null,
    committing: volume.state.committing !== undefined,
    driver,
    latencies: mounted.latencies(),
    away: mounted.away() ?? null,
    callers: [...mounted.recentCallers(Math.max(0, (driver.requests ?? 0) - since))],
    memory: filesystem.memory,
    space: volume.statistics(),
    volume: volume.counters,
  };
}

/** Of the requests of one kind, in ms. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
}

export const summarized = (counts: KindLatency['counts']): LatencySummary => ({
  count: total(counts),
  p50: quantile(counts, 0.5),
  p99: quantile(counts, 0.99),
  longest: quantile(counts, 1),
});

/** `0.5 ms`, `12 us`, `3.2 s`: two digits at least, as no histogram knows more. */
export function formatMs(ms: number): string {
  if (ms >= 1000) return `${shown(ms / 1000)} s`;
  return ms >= 1 ? `${shown(ms)} ms` : `${shown(ms * 1000)} us`;
}

const shown = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));
