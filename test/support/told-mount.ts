/** A mount on which nobody works: requests are counted as they are told. */
import type { Mounted } from '../../fs/fuse/driver.js';
import { Latencies } from '../../fs/fuse/latencies.js';
import { RecentCallers } from '../../fs/fuse/recent-callers.js';

const kinds = ['lookup', 'read', 'fsync'];

export class ToldMount {
  readonly latencies = new Latencies(kinds.length);
  readonly stretches = new Latencies(1);
  readonly callers = new RecentCallers();
  readonly counters = { requests: 0, bytesRead: 0, bytesWritten: 0, waiting: 0, suspended: 0 };

  answer(kind: string, ms: number, thread: number): void {
    this.counters.requests++;
    this.callers.note(thread);
    this.latencies.record(kinds.indexOf(kind), ms);
  }

  /** Nobody looked for requests for so long. */
  stayAway(ms: number): void {
    this.stretches.record(0, ms);
  }

  get mounted(): Mounted {
    const { latencies, stretches, callers, counters } = this;
    return {
      target: '/mnt/v',
      statistics: () => ({ ...counters }),
      latencies: () => latencies.read((kind) => kinds[kind]),
      away: () => stretches.read(() => 'all').all,
      recentCallers: (most: number) => callers.counts(most),
    } as unknown as Mounted;
  }
}
