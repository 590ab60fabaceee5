/**
 * Where somebody is who reads the files of a directory one after another, and which come next. Programs go through a
 * directory by name (shells, rsync, archivers that sort), as it is listed (tar, grep) or by inode number (cp); what was
 * read tells which it is.
 *
 * Invariants
 * 1. `ahead` has the files before `next` that were asked for and not reached: their bytes.
 * 2. Nothing is asked for after a file that was not expected, until one is.
 */
import type { InodeNumber } from '../../units.js';

/** Between two files that are read, so many may be left out: the kernel has them, or the reader does not want them. */
const mostSkipped = 8;
/** After so many reads in a row of files that were not expected, the walk is over. */
const mostMisses = 16;
/** After so many hits the other orders are forgotten. */
const certain = 4;
/** Bytes that are asked for and not reached: at first, and when that has paid. */
const leastWindow = 1 << 19;
const mostWindow = 1 << 22;
/** When so few of the known files are left, more should be looked up. */
const fewLeft = 4096;
/** Most files that are asked for and not reached. */
const mostFiles = 64;

export class Walk {
  /** Files that were read when they were expected. */
  hits = 0;
  /** Which of the orders it follows; -1 while that is open. */
  order = -1;
  private files: Float64Array = new Float64Array(0);
  private at = -1;
  private next = 0;
  private readonly ahead: number[] = [];
  private bytesAhead = 0;
  private window = leastWindow;
  private misses = 0;
  private last: InodeNumber = 0;

  /** The first regular files of the directory, in each order in which they may be read. */
  constructor(private orders: readonly Float64Array[]) {}

  /** Begin at the first file of this order, before anything was read. */
  assume(order: number): void {
    this.follow(order, -1);
  }

  /** It comes to the end of the files that are known. */
  get runsOut(): boolean {
    return this.order >= 0 && this.files.length - this.at < fewLeft;
  }

  /** These follow in its order. */
  goOn(files: Float64Array): void {
    const from = Math.max(0, this.at - mostSkipped);
    const all = new Float64Array(this.files.length - from + files.length);
    all.set(this.files.subarray(from));
    all.set(files, this.files.length - from);
    this.files = all;
    this.at -= from;
    this.next -= from;
  }

  /** A file is read from its beginning. False: whoever reads here goes by no order. */
  reached(inode: InodeNumber): boolean {
    if (inode === this.last) return true;
    if (this.order < 0 || !this.advance(inode)) {
      this.misses++;
      this.findOrder(inode);
    } else if (this.hits === certain) this.orders = [];
    this.last = inode;
    return this.misses < mostMisses;
  }

  /** The file to ask for next; undefined: enough are under way, or all. */
  upcoming(): InodeNumber | undefined {
    if (this.order < 0 || this.misses > 0 || this.next >= this.files.length) return undefined;
    if (this.bytesAhead >= this.window || this.ahead.length >= mostFiles) return undefined;
    return this.files[this.next];
  }

  /** That one was asked for: so many bytes of it. */
  asked(bytes: number): void {
    this.next++;
    this.ahead.push(bytes);
    this.bytesAhead += bytes;
  }

  /** The order in which this file comes soonest after the one that was read before. */
  private findOrder(inode: InodeNumber): void {
    let [soonest, best, where] = [mostSkipped + 2, -1, -1];
    for (const [order, files] of this.orders.entries()) {
      const at = files.indexOf(inode);
      const gap = at - files.indexOf(this.last);
      // Without the other file among them, the gap is larger than `at`.
      if (at >= 0 && gap > 0 && gap <= at && gap < soonest) [soonest, best, where] = [gap, order, at];
    }
    if (best >= 0) this.follow(best, where);
  }

  private follow(order: number, at: number): void {
    if (this.order !== order) {
      this.ahead.length = 0;
      this.bytesAhead = 0;
      this.next = 0;
    }
    this.order = order;
    this.files = this.orders[order];
    this.misses = 0;
    this.moveTo(at);
  }

  /** False: it is not one of the next files. One that comes late, as requests overlap, changes nothing. */
  private advance(inode: InodeNumber): boolean {
    const { files, at } = this;
    const near = files.subarray(at + 1, at + 2 + mostSkipped).indexOf(inode);
    if (near < 0) {
      const far = files.indexOf(inode, at + 1);
      if (far >= 0) this.moveTo(far);
      return files.subarray(Math.max(0, at - mostSkipped), at + 1).includes(inode);
    }
    this.hits++;
    this.misses = 0;
    this.window = Math.min(mostWindow, this.window * 2);
    this.moveTo(at + 1 + near);
    return true;
  }

  private moveTo(at: number): void {
    this.at = at;
    this.next = Math.max(this.next, at + 1);
    const passed = this.ahead.splice(0, this.ahead.length - (this.next - at - 1));
    for (const bytes of passed) this.bytesAhead -= bytes;
  }
}
