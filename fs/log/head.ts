/**
 * A log head: the open end of the log for pages of one temperature (tree nodes, new data, moved data). Pages are
 * appended to its open segment and never overwritten; the last page of a segment, and the page after the last
 * append before a commit, is a summary of the pages before it.
 *
 * Invariants
 * 1. `page` only grows within a segment; what lies before it has been handed to the store or is in `gathering`.
 * 2. Pages [described, page) are described by no summary yet; `runs` says what they are.
 * 3. There is always room for one summary at the end of the segment.
 *
 * Crash safety: nothing refers to an appended page until a checkpoint or a journal record does, and both are
 * written after it or carry its checksum.
 */

import { CorruptionError } from '../errors.js';
import type { HeadPosition } from '../format/checkpoint.js';
import { closedHead, noPlace } from '../format/geometry.js';
import { runsPerSummary } from '../format/segment-summary.js';
import { placeState } from '../format/segment-table.js';
import { type Address, type Generation, type Place, pageSize, type Serial, wideZero } from '../units.js';
import { Flight } from './flight.js';
import type { SegmentTable } from './segment-table.js';
import { type RunMeaning, summaryPage } from './summary-page.js';

interface Run extends RunMeaning {
  readonly first: number;
  readonly pages: number;
}

/** Appends are handed to the store in pieces of this many pages. */
const gatherPages = 256;

/** Who writes the pages and hears about new segments. */
export interface HeadOwner {
  readonly table: SegmentTable;
  readonly generation: Generation;
  issue(flight: Flight): void;
  opened(head: number, place: Place, serial: Serial): void;
}

export class Head {
  place: Place = -1;
  serial: Serial = wideZero;
  page = 0;
  described = 0;
  private readonly runs: Run[] = [];
  gathering: Flight | undefined;
  /** Address of the first page of the last append. */
  appended: Address = wideZero;

  private readonly runsPerSummary: number;

  constructor(
    readonly kind: number,
    private readonly owner: HeadOwner,
  ) {
    this.runsPerSummary = runsPerSummary(owner.table.geometry.sealer);
  }

  /** Pages that fit into the open segment before its last summary. */
  get room(): number {
    return this.place < 0 ? 0 : this.owner.table.pagesPerSegment - 1 - this.page;
  }

  /** Address of the next append with this `least`: a segment is open that has room. */
  ready(least: number): Address {
    if (this.runs.length === this.runsPerSummary) this.describe();
    if (this.room < least) this.openNext();
    return this.address;
  }

  /**
   * Append at most `pages` pages from `buffer`; those that fit the open segment, a new one being opened when it is
   * full or holds fewer than `least`. Returns how many, their address in `appended`.
   */
  append(
    buffer: Uint8Array,
    pages: number,
    least: number,
    meaning: RunMeaning,
    done: (() => void) | undefined,
  ): number {
    this.appended = this.ready(least);
    const count = Math.min(pages, this.room);
    const last = this.runs[this.runs.length - 1];
    const address = meaning.address ?? this.appended;
    if (last !== undefined && follows(last, meaning, address)) {
      this.runs[this.runs.length - 1] = { ...last, pages: last.pages + count };
    } else {
      this.runs.push({ ...meaning, address, first: this.page, pages: count });
    }
    this.gather(buffer.length === count * pageSize ? buffer : buffer.subarray(0, count * pageSize), count, done);
    return count;
  }

  private get address(): number {
    return this.serial * this.owner.table.pagesPerSegment + this.page;
  }

  private gather(buffer: Uint8Array, pages: number, done: (() => void) | undefined): void {
    this.gathering ??= new Flight(this.place, this.page);
    this.gathering.add(buffer, pages, done);
    this.page += pages;
    if (this.gathering.pages >= gatherPages) this.flush();
  }

  /** Hand what was gathered to the store. */
  flush(): void {
    const flight = this.gathering;
    if (flight === undefined) return;
    this.gathering = undefined;
    this.owner.issue(flight);
  }

  /** Write a summary of the pages since the last one, if there are any. */
  describe(): void {
    if (this.place < 0 || this.described === this.page) return;
    const { serial, page: at, described: first, runs } = this;
    const { table, generation } = this.owner;
    const page = summaryPage(table.geometry, { serial, generation, page: at, first }, runs);
    runs.length = 0;
    this.gather(page, 1, undefined);
    this.described = this.page;
    if (this.page === this.owner.table.pagesPerSegment) this.close();
  }

  /** Write no more into the open segment. */
  close(): void {
    if (this.place < 0) return;
    if (this.described !== this.page) {
      this.describe();
      if (this.place < 0) return;
    }
    this.flush();
    const place = this.place;
    this.place = -1;
    this.owner.table.seal(place, this.owner.generation);
  }

  private openNext(): void {
    this.close();
    const place = this.owner.table.take(this.kind, this.owner.generation);
    if (place < 0) throw new Error('no place is left for a segment: the reserve was overdrawn');
    this.place = place;
    this.serial = this.owner.table.serial[place];
    this.page = 0;
    this.described = 0;
    this.owner.opened(this.kind, place, this.serial);
  }

  /** For the checkpoint. */
  get position(): HeadPosition {
    if (this.place < 0) return closedHead();
    return { place: this.place, serial: this.serial, page: this.page, described: this.described };
  }

  /** What it would write over is somebody's, unless the segment table says the same. */
  private check({ place, serial, page, described }: HeadPosition): void {
    const { table } = this.owner;
    const own = table.state[place] === placeState.open && table.head[place] === this.kind;
    if (own && table.serial[place] === serial && described <= page && page < table.pagesPerSegment) return;
    throw new CorruptionError('checkpoint', `head ${this.kind}`, `it stands at page ${page} of place ${place}`);
  }

  /** Go on where a clean checkpoint left off. Throws CorruptionError if it can't have stood there. */
  resume(position: HeadPosition): void {
    if (position.place === noPlace) return;
    this.check(position);
    this.place = position.place;
    this.serial = position.serial;
    this.page = position.page;
    this.described = position.described;
  }
}

/** Whether an append continues the run before it: the next pages of the same file under the next address. */
function follows(last: Run, next: RunMeaning, address: number): boolean {
  return (
    last.kind === next.kind &&
    last.inode === next.inode &&
    next.level === undefined &&
    last.level === undefined &&
    last.offset + last.pages === next.offset &&
    (last.address ?? 0) + last.pages === address &&
    last.pages < 0x8000
  );
}
