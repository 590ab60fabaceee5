/**
 * How quick a scrub may be. With a rate: at most so many bytes a second. Without one it takes a share of the time:
 * half of it while nobody else asks for anything, a tenth of it while requests are served.
 *
 * Invariants
 * 1. After each piece of work the thread is given up, so that a request waits for one piece at most.
 * 2. A pause ends at once when the scrub is stopped.
 */
import { nextTurn } from '../suspend.js';

export interface PacingOptions {
  /** Bytes a second, above 0; undefined: a share of the time. */
  readonly rate?: number;
  /** Requests served so far by the volume's server. */
  readonly served?: () => number;
  /** Milliseconds, from any moment on. */
  readonly now?: () => number;
  /** Resolves after so many milliseconds, or when the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Parts of rest to one of work. */
const restWhenIdle = 1;
const restWhenBusy = 9;
/** Timers count in milliseconds: shorter rests are saved up. */
const leastRestMs = 4;
const longestRestMs = 1000;
/** A rate is kept over this many milliseconds: what was not used before is lost. */
const burstMs = 100;

export class Pacing {
  private readonly now: () => number;
  private readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  private readonly served: () => number;
  private began: number;
  private owed = 0;
  /** With a rate: when the bytes read so far may have been read. */
  private due: number;
  private seen: number;

  constructor(
    private readonly options: PacingOptions,
    private readonly signal: AbortSignal,
  ) {
    this.now = options.now ?? (() => performance.now());
    this.sleep = options.sleep ?? sleepUnlessAborted;
    this.served = options.served ?? (() => 0);
    this.began = this.now();
    this.due = this.began;
    this.seen = this.served();
  }

  /** A piece of work is done and has read so many bytes. Rejects with the signal's reason once it is aborted. */
  async worked(bytes: number): Promise<void> {
    await nextTurn();
    const ms = this.rest(bytes);
    if (ms >= leastRestMs) {
      await this.sleep(ms, this.signal);
      this.owed = 0;
    }
    this.signal.throwIfAborted();
    this.began = this.now();
  }

  private rest(bytes: number): number {
    const now = this.now();
    const { rate } = this.options;
    if (rate !== undefined) {
      this.due = Math.max(this.due, now - burstMs) + (bytes / rate) * 1000;
      return this.due - now;
    }
    const served = this.served();
    const busy = served !== this.seen;
    this.seen = served;
    this.owed += (now - this.began) * (busy ? restWhenBusy : restWhenIdle);
    return Math.min(this.owed, longestRestMs);
  }
}

function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    // The mount, not the scrub, is what keeps a server alive.
    timer.unref();
    signal.addEventListener('abort', done);
  });
}
