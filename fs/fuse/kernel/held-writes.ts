/**
 * Write-back gives way to those who wait. The kernel has all requests in one line: whoever opens a small file while a
 * large one is written back would stand behind 64 WRITEs of 1 MiB with each of three requests, 140 ms each time. So large
 * WRITEs of the page cache are read and held until nothing else is left to be read; and while they come, the kernel is told
 * to have few of them open at a time (background-limit.ts). While others ask for something, they are served in portions, and
 * the line is looked at after each; but one that has waited too long is done at once.
 *
 * The kernel waits for such WRITEs itself where their order matters to it, before FSYNC, a truncation or a direct read of the
 * file: no server is bound to answer in the order of the line.
 */
import { opcode, writeFlag, writeIn } from './abi.js';
import type { BackgroundLimit } from './background-limit.js';
import type { Exchange } from './exchange.js';

/** As many are held; the rest stays with the kernel. */
export const mostHeld = 8;
/** The kernel shall have so many open: all of them are held then, and a request that somebody waits for is first in the line. */
export const mostOpen = 4;
/** Bytes to write between two looks while others ask: whole units (fs/transform/unit.ts), so that none is written twice. */
const portion = 256 * 1024;
/** Others ask, if one did in the last so many ms. */
const companyMs = 50;
/** Smaller ones take no longer than any other request. */
const largeBytes = 64 * 1024;

/** After so long the next one is served, whatever else there is to do, in ms: that may never end. */
export const longestHeldMs = 10;

export class HeldWrites {
  private held: Exchange[] = [];
  /** Since when the first one is the first, in ms. */
  private since = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly limit: BackgroundLimit,
    private readonly longestMs = longestHeldMs,
  ) {}

  get any(): boolean {
    return this.held.length > 0;
  }

  /** One must be served before anything else is read. `now`: ms, as performance.now(). */
  pressing(now: number): boolean {
    return this.held.length >= mostHeld || (this.held.length > 0 && now - this.since > this.longestMs);
  }

  /** Keep a request that was just read, if it can wait. */
  keeps(x: Exchange, now: number): boolean {
    const { request } = x;
    if (request.opcode !== opcode.WRITE || request.u32(writeIn.size) < largeBytes) return false;
    // Nobody waits for one alone that the page cache writes.
    if ((request.u32(writeIn.flags) & writeFlag.cached) === 0) return false;
    if (this.held.length === 0) this.since = now;
    x.kept = true;
    this.held.push(x);
    this.limit.lower(now);
    return true;
  }

  /**
   * The one that came first; there is one. A portion of it is to be done if somebody was answered just now, at `lastCaller`,
   * and nothing is pressing.
   */
  first(now: number, lastCaller: number): Exchange {
    const [x] = this.held;
    x.portion = now - lastCaller < companyMs && !this.pressing(now) ? portion : 0;
    return x;
  }

  /** The first one is done. */
  drop(now: number): void {
    this.since = now;
    this.held.shift();
  }
}
