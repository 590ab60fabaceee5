/**
 * Defragmentation by reading (mount option `autodefrag`): what a read found scattered is noted, and laid in one piece soon
 * after, when reading pauses. By then the host has it in memory: the expensive half of defragmentation, the reading, has
 * been done for someone else.
 *
 * It works in chunks of 32 pages, aligned as extents are. A chunk is laid anew as a whole or not at all, and only if it
 * lies in more than one piece. Chunks that follow each other go together.
 *
 * It must never turn into endless writing, nor get in anyone's way:
 * 1. A chunk that was laid anew lies in one piece, so it is left alone until somebody overwrites a part of it: each
 *    overwritten page causes at most one chunk to be written.
 * 2. At most so many bytes a second on average, `burstSeconds` of that at once.
 * 3. While scattered reads go on, one step of 1 MiB at most every `lookMs`; a read itself only takes notes.
 * 4. Nothing while half of the memory for pages is dirty or the volume is nearly full, and no chunk that a snapshot
 *    holds.
 */
import { CorruptionError, FsError } from '../../errors.js';
import { run } from '../../suspend.js';
import { type ByteOffset, extentPages, type InodeNumber, type PageNumber, pageSize } from '../../units.js';
import type { Context } from './context.js';
import { layAnew } from './defragment.js';
import { ExtentCursor } from './extent-map.js';
import { extentStoredPages } from './extent-value.js';
import type { Inode } from './inode.js';
import { isSeam, type Range } from './pieces.js';

const burstSeconds = 8;
/** How often to look whether reading has paused, in ms. */
const lookMs = 500;
/** A volume with a smaller share of free space is left alone: writing would cost much cleaning. */
const leastFree = 1 / 16;
/** Most chunks that are noted: of 8 GiB of files. */
const mostNoted = 65536;
/** Chunks of a file in a step. */
const together = 8;
/** Chunks to look at in one stretch. */
const mostLooked = 256;

/** Since the mount. */
export interface Gathered {
  readonly chunks: number;
  readonly pages: number;
  /** Chunks that were left because there were too many. */
  readonly beyondBudget: number;
}

export class Gatherer {
  private chunks = 0;
  private pages = 0;
  private beyondBudget = 0;
  /** Bytes that may be gathered now, as of `since`. */
  private credit: number;
  private since: number;
  /** Numbers of chunks by file, in the order in which they were met. */
  private readonly noted = new Map<InodeNumber, Set<number>>();
  private count = 0;
  /** Reads that noted something, and those that there had been at the last look. */
  private reads = 0;
  private seen = 0;
  /** The file of which a part is being laid anew: its reads are our own. */
  private laying: Inode | undefined;
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<unknown> | undefined;
  private stopped = false;

  /** `perSecond`: bytes. */
  constructor(
    private readonly context: Context,
    private readonly perSecond: number,
  ) {
    this.credit = perSecond * burstSeconds;
    this.since = context.volume.now().seconds;
  }

  get gathered(): Gathered {
    return { chunks: this.chunks, pages: this.pages, beyondBudget: this.beyondBudget };
  }

  /** A read of so many bytes met many pieces. */
  met(inode: Inode, offset: ByteOffset, bytes: number): void {
    if (inode === this.laying || inode.record.links === 0 || this.stopped) return;
    this.reads++;
    const chunks = this.noted.get(inode.number) ?? new Set<number>();
    const chunkBytes = extentPages * pageSize;
    const before = chunks.size;
    const last = Math.floor((offset + bytes - 1) / chunkBytes);
    for (let chunk = Math.floor(offset / chunkBytes); chunk <= last; chunk++) {
      if (this.count + chunks.size - before < mostNoted) chunks.add(chunk);
      else if (!chunks.has(chunk)) this.beyondBudget++;
    }
    this.count += chunks.size - before;
    // Of a file for which there was no room, nothing is kept at all.
    if (chunks.size > 0) this.noted.set(inode.number, chunks);
    this.arm();
  }

  /** Lay anew what was noted, without waiting for a pause, as far as the budget goes. */
  async now(): Promise<void> {
    await this.working;
    while (!this.stopped && (await this.step()));
  }

  /** No step is begun any more; resolves when none is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.working;
  }

  private arm(): void {
    if (this.timer !== undefined || this.working !== undefined || this.stopped) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.working = this.work()
        .catch(() => {
          // A fault of ours, of which nobody must suffer.
          this.stopped = true;
        })
        .finally(() => {
          this.working = undefined;
          if (this.count > 0) this.arm();
        });
    }, lookMs);
    this.timer.unref();
  }

  /** Steps until somebody reads; at least one. */
  private async work(): Promise<void> {
    const paused = this.reads === this.seen;
    this.seen = this.reads;
    while ((await this.step()) && paused && this.reads === this.seen && !this.stopped) await this.context.breathe();
  }

  /** Lay anew the next chunks that need it. False: nothing is noted any more, or it must wait. */
  private async step(): Promise<boolean> {
    const { context } = this;
    const [first] = this.noted;
    if (first === undefined || !this.hasRoom() || this.isCrowded()) return false;
    const [number, chunks] = first;
    try {
      const inode = await context.inodes.keep(number, 'gather');
      try {
        const { range, passed } = await run(() => this.next(inode, chunks));
        if (range !== undefined && !this.affords(range.pages * pageSize)) return false;
        this.forget(number, chunks, passed);
        if (range !== undefined) await this.lay(inode, range);
      } finally {
        inode.busy--;
      }
    } catch (e) {
      if (!(e instanceof FsError || e instanceof CorruptionError)) throw e;
      this.forget(number, chunks, [...chunks]);
    }
    return this.count > 0;
  }

  private async lay(inode: Inode, range: Range): Promise<void> {
    if (inode.record.links === 0) return;
    this.laying = inode;
    try {
      await layAnew(this.context, inode, range, { held: false }, range.end - range.first);
      this.credit -= range.pages * pageSize;
      this.chunks += range.pieces;
      this.pages += range.pages;
    } finally {
      this.laying = undefined;
    }
  }

  private forget(number: InodeNumber, chunks: Set<number>, passed: readonly number[]): void {
    for (const chunk of passed) if (chunks.delete(chunk)) this.count--;
    if (chunks.size === 0 && this.noted.get(number) === chunks) this.noted.delete(number);
  }

  /** The first noted chunks of a file that follow each other and are scattered, and those looked at. May throw Suspend. */
  private next(inode: Inode, chunks: ReadonlySet<number>): { range: Range | undefined; passed: readonly number[] } {
    let range: { first: PageNumber; end: PageNumber; pages: number; pieces: number } | undefined;
    const passed: number[] = [];
    for (const chunk of chunks) {
      const at = chunk * extentPages;
      const isFull = range !== undefined && (at !== range.end || range.pieces === together);
      if (isFull || passed.length === mostLooked) break;
      passed.push(chunk);
      const pages = this.scattered(inode, at);
      if (pages === 0 && range !== undefined) break;
      if (pages === 0) continue;
      range ??= { first: at, end: at, pages: 0, pieces: 0 };
      range.end = at + extentPages;
      range.pages += pages;
      range.pieces++;
    }
    return { range, passed };
  }

  /** How many pages a chunk stores that lies in more than one piece and is held by no snapshot; otherwise 0. */
  private scattered(inode: Inode, at: PageNumber): number {
    const { volume } = this.context;
    const cursor = new ExtentCursor(volume, inode.number);
    let [stored, pieces, behind] = [0, 0, -1];
    for (let more = cursor.find(at); more && cursor.first < at + extentPages; more = cursor.next()) {
      if (cursor.address === 0) continue;
      if (cursor.birth <= volume.heldGeneration) return 0;
      const first = Math.max(at, cursor.first);
      const end = Math.min(at + extentPages, cursor.end);
      const isUnit = cursor.transform !== 0;
      const lies = volume.where(cursor.address) + (isUnit ? 0 : first - cursor.first);
      if (lies !== behind && !(behind >= 0 && isSeam(behind, lies, volume.mostPages))) pieces++;
      behind = lies + (isUnit ? extentStoredPages(cursor.value) : end - first);
      for (let page = first; page < end; page++) if (cursor.holds(page)) stored++;
    }
    return pieces > 1 ? stored : 0;
  }

  private isCrowded(): boolean {
    const { frames, writeback } = this.context;
    return writeback.dirtyPages > frames.limit >> 1 || frames.free < frames.limit >> 2;
  }

  /** False, and nothing is noted any more: the volume is nearly full. */
  private hasRoom(): boolean {
    const { available, capacity } = this.context.volume.statistics();
    if (available > capacity * leastFree) return true;
    this.noted.clear();
    this.beyondBudget += this.count;
    this.count = 0;
    return false;
  }

  private affords(bytes: number): boolean {
    const { seconds } = this.context.volume.now();
    const earned = Math.max(0, seconds - this.since) * this.perSecond;
    this.since = seconds;
    this.credit = Math.min(this.credit + earned, this.perSecond * burstSeconds);
    return this.credit >= bytes;
  }
}
