/**
 * How long the serving thread stays away from /dev/fuse at a time: from one look for requests to the next, whatever comes in
 * between (an answer, a commit, the cleaner, garbage collection, another process on the processor). It is the longest that a
 * request may lie there without anyone knowing of it. Looks that find nothing follow each other in a microsecond and are
 * not counted, nor is the time in which the thread sleeps: then a request wakes it.
 *
 * Nobody looks at the clock for this: the loop does so anyway, when it has answered, when it finds nothing, and when a turn
 * begins.
 */
import { performance } from 'node:perf_hooks';
import { type KindLatency, Latencies } from '../latencies.js';

export class Stretches {
  private readonly lengths = new Latencies(1);
  private last = performance.now();
  /** Time that libuv had slept when the thread was about to, in ms; below 0: it was not. */
  private idle = Number.NEGATIVE_INFINITY;

  /** It is about to look, after other things. `now`: ms, as performance.now(). */
  ends(now: number): void {
    let length = now - this.last;
    // No request was answered: the clock has not been looked at since.
    if (length === 0) return;
    this.last = now;
    if (this.idle >= 0) {
      length -= performance.nodeTiming.idleTime - this.idle;
      this.idle = Number.NEGATIVE_INFINITY;
    }
    this.lengths.record(0, Math.max(0, length));
  }

  /** It looked, and there was nothing. */
  foundNothing(now: number): void {
    this.last = now;
  }

  sleeps(): void {
    this.idle = performance.nodeTiming.idleTime;
  }

  read(): KindLatency {
    return this.lengths.read(() => 'all').all ?? { totalMs: 0, counts: [] };
  }
}
