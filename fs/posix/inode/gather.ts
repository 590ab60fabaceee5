/**
 * Defragmentation by reading (mount option `autodefrag`): what a read found scattered, and what is therefore in memory
 * already, joins the next flush, which lays it in one piece. The expensive half of defragmentation, the reading, has
 * then been done for someone else.
 *
 * It works in chunks of 32 pages, aligned as extents are. A chunk is laid anew as a whole or not at all, and only if it
 * lies in more than one piece. Readers do not care for our chunks: the pages of one that a read met in part stay in
 * memory, clean, for the read that brings the rest.
 *
 * It must never turn into endless writing, nor get in anyone's way:
 * 1. A chunk that was laid anew lies in one piece, so it is left alone until somebody overwrites a part of it: each
 *    overwritten page causes at most one chunk to be written.
 * 2. At most so many bytes a second on average, `burstSeconds` of that at once.
 * 3. Nothing while half of the memory for pages is dirty or the volume is nearly full, and no chunk that a snapshot
 *    holds.
 * 4. A read is never delayed or failed for it: what would need waiting stays as it is.
 */
import { FsError } from '../../errors.js';
import { Suspend } from '../../suspend.js';
import { type ByteOffset, extentPages, type PageNumber, pageSize } from '../../units.js';
import type { Context } from './context.js';
import { ExtentCursor } from './extent-map.js';
import { extentStoredPages } from './extent-value.js';
import type { Inode } from './inode.js';
import { dirtyAsRead } from './lay-anew.js';
import { isSeam } from './pieces.js';

const burstSeconds = 8;
/** A volume with a smaller share of free space is left alone: writing would cost much cleaning. */
const leastFree = 1 / 16;

/** Since the mount. */
export interface Gathered {
  readonly chunks: number;
  readonly pages: number;
  /** Chunks that were left because the budget was used up. */
  readonly beyondBudget: number;
}

/** Whole pages of a file that a read has brought. */
interface Read {
  readonly inode: Inode;
  readonly first: PageNumber;
  readonly end: PageNumber;
  /** From the first byte of page `first` on. */
  readonly bytes: Uint8Array;
  readonly mapVersion: number;
}

export class Gatherer {
  private chunks = 0;
  private pages = 0;
  private beyondBudget = 0;
  /** Bytes that may be gathered now, as of `since`. */
  private credit: number;
  private since: number;
  private readonly buffer = new Uint8Array(extentPages * pageSize);

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

  /** A read has filled `bytes` from many pieces, when the file's extents had `mapVersion`. */
  met(inode: Inode, offset: ByteOffset, bytes: Uint8Array, mapVersion: number): void {
    if (inode.record.links === 0 || inode.cutting !== undefined || inode.mapVersion !== mapVersion) return;
    const first = Math.ceil(offset / pageSize);
    const until = offset + bytes.length;
    const end = until >= inode.record.size ? Math.ceil(until / pageSize) : Math.floor(until / pageSize);
    if (end <= first || inode.gone) return;
    const read = { inode, first, end, bytes: bytes.subarray(first * pageSize - offset), mapVersion };
    try {
      for (let at = first - (first % extentPages); at < end; at += extentPages) this.chunk(read, at);
    } catch (e) {
      if (!(e instanceof Suspend || e instanceof FsError)) throw e;
    }
  }

  private chunk(read: Read, at: PageNumber): void {
    const { inode, mapVersion } = read;
    const stored = this.scattered(inode, at);
    if (stored.length === 0 || !this.mayGrow()) return;
    const missing = stored.some((page) => (page < read.first || page >= read.end) && !inMemory(inode, page));
    if (missing) {
      for (const page of stored) if (page >= read.first && page < read.end) this.keep(read, page);
      return;
    }
    if (!this.affords(stored.length * pageSize)) {
      this.beyondBudget++;
      return;
    }
    for (const page of stored)
      this.copy(read, page, this.buffer.subarray((page - at) * pageSize, (page - at + 1) * pageSize));
    const laid = dirtyAsRead(this.context, inode, at, this.buffer, mapVersion, false);
    if (laid === false || laid === 0) return;
    this.credit -= laid * pageSize;
    this.chunks++;
    this.pages += laid;
    this.context.writeback.wrote();
  }

  /** The stored pages of a chunk that lies in more than one piece and is held by no snapshot; otherwise none. */
  private scattered(inode: Inode, at: PageNumber): readonly PageNumber[] {
    const { volume } = this.context;
    const cursor = new ExtentCursor(volume, inode.number);
    const stored: PageNumber[] = [];
    let [pieces, behind] = [0, -1];
    for (let more = cursor.find(at); more && cursor.first < at + extentPages; more = cursor.next()) {
      if (cursor.address === 0) continue;
      if (cursor.birth <= volume.heldGeneration) return [];
      const first = Math.max(at, cursor.first);
      const end = Math.min(at + extentPages, cursor.end);
      const isUnit = cursor.transform !== 0;
      const lies = volume.where(cursor.address) + (isUnit ? 0 : first - cursor.first);
      if (lies !== behind && !(behind >= 0 && isSeam(behind, lies, volume.mostPages))) pieces++;
      behind = lies + (isUnit ? extentStoredPages(cursor.value) : end - first);
      for (let page = first; page < end; page++) if (cursor.holds(page)) stored.push(page);
    }
    return pieces > 1 ? stored : [];
  }

  private copy({ inode, first, end, bytes }: Read, page: PageNumber, into: Uint8Array): void {
    const frame = inode.pages?.frame(page) ?? -1;
    if (frame >= 0) into.set(this.context.frames.view(frame));
    else if (page >= first && page < end) {
      const part = bytes.subarray((page - first) * pageSize, (page - first + 1) * pageSize);
      into.set(part);
      into.fill(0, part.length);
    }
  }

  /** Keep a page for the read that brings the rest of its chunk. */
  private keep(read: Read, page: PageNumber): void {
    const { frames, writeback } = this.context;
    const { inode } = read;
    if (inMemory(inode, page)) return;
    const frame = frames.allocate(1);
    const into = frames.view(frame);
    this.copy(read, page, into);
    into.fill(0, Math.min(pageSize, Math.max(0, inode.record.size - page * pageSize)));
    writeback.addClean(inode, page, frame);
  }

  private mayGrow(): boolean {
    const { volume, frames, writeback } = this.context;
    if (writeback.dirtyPages > frames.limit >> 1 || frames.free < frames.limit >> 2) return false;
    const { available, capacity } = volume.statistics();
    return available > capacity * leastFree;
  }

  private affords(bytes: number): boolean {
    const { seconds } = this.context.volume.now();
    const earned = Math.max(0, seconds - this.since) * this.perSecond;
    this.since = seconds;
    this.credit = Math.min(this.credit + earned, this.perSecond * burstSeconds);
    return this.credit >= bytes;
  }
}

const inMemory = ({ pages }: Inode, page: PageNumber): boolean => (pages?.frame(page) ?? -1) >= 0;
