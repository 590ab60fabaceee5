/**
 * Reads of many pieces of an image file at once. What a sequential reader wants of a file that was overwritten in small
 * parts lies in dozens of pieces for each request: most near each other with dead pages in between, the others anywhere.
 *
 * Pieces are taken in the order in which they lie. Those near each other make a span, which one call reads, what lies
 * between them into a buffer that nobody looks at: a call costs as much as copying three pages. First, each span is asked
 * of the host's memory. That has the host begin to read what it misses, the window around it as well (neighbours.ts); so
 * only when all is under way are some waited for, and then the rest is tried again.
 *
 * Invariants
 * 1. When a read has failed, nothing is under way any more that fills its buffers.
 */
import fs from 'node:fs';
import { FsError } from '../errors.js';
import { aim, maxVector, readAimed, readWaiting } from '../host/files.js';
import type { ImageOffset } from '../units.js';
import { hostFailure } from './host-errors.js';
import type { Neighbours } from './neighbours.js';
import type { Pieces } from './pieces.js';

/** Pieces so near each other are one span, in bytes. */
const mostGap = 3 * 4096;
/** Most parts of one call: a piece may bring what lies before it along. */
const mostParts = maxVector - 1;
/** Spans that are waited for at a time. */
const mostWaits = 8;
const eagain = -11;
const eopnotsupp = -95;

/** A span of which so many bytes are missing is a window by itself. */
const longSpan = 1 << 16;

/** What lies between pieces goes here. */
const nowhere = new Uint8Array(mostGap);
/** For sorting: of each piece its page and its number, in one number. */
const numbers = 4096;
const sorted = new Float64Array(numbers);
const pageBytes = 4096;

/** What is still missing of a span. */
export interface Rest {
  offset: ImageOffset;
  views: Uint8Array[];
}

export class ScatteredReads {
  /** Whether the host can tell what it has in memory. */
  private tells = true;

  /** `ask`: have the host begin to read a range. */
  constructor(
    private readonly fd: number,
    private readonly name: string,
    private readonly neighbours: Neighbours,
    private readonly ask: (offset: ImageOffset, length: number) => void,
  ) {}

  /**
   * Take from the host's memory what it has there, and have it begin to read the rest: that is returned, for `wait` or
   * `waitHere`. Undefined: that was all. Throws FsError EIO.
   */
  begin(pieces: Pieces): Rest[] | undefined {
    const { count, offset, bytes } = pieces;
    const order = sorted.subarray(0, count);
    for (let i = 0; i < count; i++) order[i] = Math.floor(offset[i] / pageBytes) * numbers + i;
    order.sort();
    let missing: Rest[] | undefined;
    for (let from = 0; from < count; ) {
      const start = offset[order[from] % numbers];
      let end = start;
      let aims = 0;
      let to = from;
      for (; to < count && aims < mostParts; to++) {
        const piece = order[to] % numbers;
        const gap = offset[piece] - end;
        if (gap < 0 || gap > mostGap) break;
        if (gap > 0) aim(aims++, nowhere, 0, gap);
        aim(aims++, pieces.buffer[piece], pieces.at[piece], bytes[piece]);
        end = offset[piece] + bytes[piece];
      }
      const got = this.tryCached(aims, start);
      if (got === end - start) this.neighbours.hit(start);
      else {
        missing ??= [];
        missing.push(restOf(pieces, order, from, to, got));
        if (end - start - got >= longSpan) this.ask(start + got, end - start - got);
        else this.neighbours.missed(start + got, end - start - got);
      }
      from = to;
    }
    return missing;
  }

  /** Bytes that the host had in memory, of what was aimed. */
  private tryCached(aims: number, offset: ImageOffset): number {
    if (!this.tells) return 0;
    const got = readAimed(this.fd, aims, offset);
    if (got >= 0) return got;
    if (got === eopnotsupp) this.tells = false;
    else if (got !== eagain) throw hostFailure(-got, 'read', this.name);
    return 0;
  }

  /** Rejects with FsError EIO. */
  async wait(missing: readonly Rest[]): Promise<void> {
    let rest = missing;
    while (rest.length > 0) {
      const waited = rest.slice(0, mostWaits);
      const all = await Promise.allSettled(waited.map((one) => this.readOnThread(one)));
      for (const one of all) if (one.status === 'rejected') throw one.reason;
      rest = rest.slice(mostWaits).filter((one) => !this.isThere(one));
    }
  }

  /** In place: for little, from a quick disk. Throws FsError EIO. */
  waitHere(missing: readonly Rest[]): void {
    for (const rest of missing) {
      while (rest.views.length > 0) {
        const got = readWaiting(this.fd, rest.views[0], 0, rest.offset);
        if (got < 0) throw hostFailure(-got, 'read', this.name);
        this.came(rest, got);
      }
    }
  }

  /** Whether the host has it by now. */
  private isThere(rest: Rest): boolean {
    if (rest.views.length > mostParts) return false;
    for (const [i, view] of rest.views.entries()) aim(i, view, 0, view.length);
    forward(rest, this.tryCached(rest.views.length, rest.offset));
    return rest.views.length === 0;
  }

  private async readOnThread(rest: Rest): Promise<void> {
    while (rest.views.length > 0) {
      const got = await new Promise<number>((resolve, reject) => {
        fs.readv(this.fd, rest.views.slice(0, mostParts), rest.offset, (error, count) => {
          if (error) reject(hostFailure(-(error.errno ?? 0), 'read', this.name));
          else resolve(count);
        });
      });
      this.came(rest, got);
    }
  }

  private came(rest: Rest, got: number): void {
    if (got === 0) throw new FsError('EIO', 'read', undefined, `${this.name} ends at byte ${rest.offset}`);
    forward(rest, got);
  }
}

/** Of the span of pieces `order[from]` to `order[to]` (not included), what comes after its first `got` bytes. */
function restOf(pieces: Pieces, order: Float64Array, from: number, to: number, got: number): Rest {
  const start = pieces.offset[order[from] % numbers];
  const rest: Rest = { offset: start, views: [] };
  let end = start;
  for (let i = from; i < to; i++) {
    const piece = order[i] % numbers;
    const gap = pieces.offset[piece] - end;
    if (gap > 0) rest.views.push(nowhere.subarray(0, gap));
    rest.views.push(pieces.view(piece));
    end = pieces.offset[piece] + pieces.bytes[piece];
  }
  forward(rest, got);
  return rest;
}

/** The first `got` bytes of it are there. */
function forward(rest: Rest, got: number): void {
  rest.offset += got;
  let left = got;
  let first = 0;
  while (first < rest.views.length && left >= rest.views[first].length) left -= rest.views[first++].length;
  if (first > 0) rest.views = rest.views.slice(first);
  if (left > 0) rest.views[0] = rest.views[0].subarray(left);
}
