/**
 * Write-back gives way to those who wait. The kernel has all requests in one line: whoever opens a small file while a
 * large one is written back would stand behind 64 WRITEs of 1 MiB with each of three requests, 140 ms each time. So large
 * WRITEs of the page cache are read and held until nothing else is left to be read; and while they come, the kernel is told
 * to have no more of them open at a time than are held here (background-limit.ts).
 *
 * The kernel waits for such WRITEs itself where their order matters to it, before FSYNC, a truncation or a direct read of the
 * file: no server is bound to answer in the order of the line.
 */
import { opcode, writeFlag, writeIn } from './abi.js';
import type { BackgroundLimit } from './background-limit.js';
import type { Exchange } from './exchange.js';

/** As many are held; the rest stays with the kernel. */
export const mostHeld = 8;
/** Smaller ones take no longer than any other request. */
const largeBytes = 64 * 1024;

/** After so long the next one is served, whatever else there is to do, in ms: that may never end. */
export const longestHeldMs = 10;

export class HeldWrites {
  private held: Exchange[] = [];
  /** Since when the first one is the first, in ms. */
  private since = 0;

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
    this.held.push(x);
    this.limit.lower(now);
    return true;
  }

  /** The one that came first. There is one. */
  next(now: number): Exchange {
    this.since = now;
    return this.held.shift() as Exchange;
  }
}
