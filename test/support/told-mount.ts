/** A mount on which nobody works: requests are counted as they are told. */
import type { Mounted } from '../../fs/fuse/driver.js';
import { Latencies } from '../../fs/fuse/latencies.js';
import { RecentCallers } from '../../fs/fuse/recent-callers.js';

const kinds = ['lookup', 'read', 'fsync'];

export class ToldMount {
  readonly latencies = new Latencies(kinds.length);
  readonly callers = new RecentCallers();
  readonly counters = { requests: 0, bytesRead: 0, bytesWritten: 0, waiting: 0, suspended: 0 };

  answer(kind: string, ms: number, thread: number): void {
    this.counters.requests++;
    this.callers.note(thread);
    this.latencies.record(kinds.indexOf(kind), ms);
  }

  get mounted(): Mounted {
    const { latencies, callers, counters } = this;
    return {
      target: '/mnt/v',
      statistics: () => ({ ...counters }),
      latencies: () => latencies.read((kind) => kinds[kind]),
      recentCallers: (most: number) => callers.counts(most),
    } as unknown as Mounted;
  }
}
