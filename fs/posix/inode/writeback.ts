/**
 * What of the filesystem has not reached the tree: which inodes, how many pages; and when it goes there. Serves
 * writes (room for their pages), fsync, and the volume before a commit (as its Flusher).
 *
 * Policy: pages stay in memory until an fsync or a commit asks for them, or until they fill half of the frames;
 * then the files that have been dirty for longest go first, in the background. A write that finds no frames waits.
 *
 * Invariants
 * 1. `dirty` has just the inodes that are dirty, in the order in which they became so.
 * 2. Each dirty page has one page of the volume reserved.
 * 3. A failed flush leaves its pages dirty and readable; those who wait for frames get the error.
 */
import { DirtyPages } from '../../cache/dirty-pages.js';
import { FsError } from '../../errors.js';
import { run, Suspend } from '../../suspend.js';
import type { PageNumber } from '../../units.js';
import type { Flusher } from '../../volume/api.js';
import type { Context } from './context.js';
import { FlushSweep, flushStep } from './flush.js';
import type { Inode } from './inode.js';

/** So many pages must have become dirty for a full volume to be flushed for an operation that needs little. */
const worthFlushing = 32;
/** Flushes and commits in a row that may gain nothing before who asks for room hears that there is none. */
const triesInVain = 3;
/** Steps of up to 1 MiB that a flush takes before requests get their turn. */
const stepsInARow = 4;

export class Writeback implements Flusher {
  readonly dirty = new Set<Inode>();
  /** Dirty pages of all files. */
  dirtyPages = 0;
  /** Counts what a flush and a commit could turn into room: pages that became dirty, were flushed or released. */
  spaceChanges = 0;

  /** Inodes with clean pages, oldest first, and how many those are. */
  private readonly clean = new Set<Inode>();
  private cleanPages = 0;
  private background: Promise<void> | undefined;
  private making: Promise<unknown> | undefined;
  private madeAt = -1;
  /** Times in a row that room was made, and the most that was available when it was asked for. */
  private madeInVain = 0;
  private mostAvailable = -1;
  /** Dirty pages that were left when room was last made: of files without names, or of those that can't be flushed. */
  private leftDirty = 0;

  constructor(private readonly context: Context) {}

  /** The inode may have become dirty, or clean. */
  note(inode: Inode): void {
    if (inode.dirty) this.dirty.add(inode);
    else this.dirty.delete(inode);
    if (inode.pages?.empty) inode.pages = undefined;
    if (inode.pages === undefined) this.clean.delete(inode);
  }

  /**
   * The file gets another name: what it holds goes to the tree first, so that no record of the journal shows the
   * name without it; in mode `writeback` it may. A large file is flushed while the operation waits. Throws Suspend.
   */
  flushBeforeNaming(inode: Inode): void {
    if (!inode.isRegular || !inode.dataDirty || this.context.volume.journal === 'writeback') return;
    if ((inode.pages?.dirtyCount ?? 0) > 256) throw new Suspend(this.flush(inode), 'data before a name');
    const sweep = new FlushSweep(inode);
    while (flushStep(this.context, inode, sweep));
  }

  /** A page read from the log, to be changed in part soon. */
  addClean(inode: Inode, page: PageNumber, frame: number): void {
    inode.pages ??= new DirtyPages();
    inode.pages.set(page, frame, false);
    this.clean.add(inode);
    this.cleanPages++;
    if (this.cleanPages > this.context.frames.limit >> 3) this.dropOldestClean(inode);
  }

  /** A page with new contents, for which space is reserved. */
  addDirty(inode: Inode, page: PageNumber, frame: number): void {
    inode.pages ??= new DirtyPages();
    inode.pages.set(page, frame, true);
    this.becameDirty(inode);
  }

  /** A page in memory changes; space is reserved if it was clean. */
  markDirty(inode: Inode, page: PageNumber): void {
    if (inode.pages?.markDirty(page)) {
      this.cleanPages--;
      this.becameDirty(inode);
    }
  }

  /** Forget the pages from `first` to `end` (not included); their space is no longer reserved. */
  dropPages(inode: Inode, first: PageNumber, end: PageNumber): void {
    const { pages } = inode;
    if (pages === undefined) return;
    let dropped = 0;
    pages.removeRange(first, end, (frame, wasDirty) => {
      this.context.frames.release(frame);
      if (wasDirty) dropped++;
      else this.cleanPages--;
    });
    this.forgetDirty(inode, dropped);
    if (pages.cleanCount === 0) this.clean.delete(inode);
    if (pages.empty) inode.pages = undefined;
  }

  dropInode(inode: Inode): void {
    this.dropPages(inode, 0, Number.POSITIVE_INFINITY);
    this.dirty.delete(inode);
  }

  /** `pages` dirty pages of the inode were flushed or dropped. */
  forgetDirty(inode: Inode, pages: number): void {
    if (pages === 0) return;
    this.dirtyPages -= pages;
    this.context.quotas?.dirtied(inode, -pages);
    this.context.volume.unreserve(pages);
    this.spaceChanges++;
  }

  /** Make sure that `frames` frames are free. Throws Suspend while they are not. */
  demandFrames(frames: number): void {
    if (this.context.frames.free >= frames) return;
    if (this.cleanPages > this.context.frames.limit >> 3) {
      // The operation may have loaded some of them: it begins again.
      for (const inode of [...this.clean]) this.dropClean(inode);
      throw new Suspend(Promise.resolve(), 'page frames');
    }
    const released = this.context.frames.whenReleased();
    if (this.dirtyPages > 0) this.start(0);
    const failed = this.background?.then(() => released);
    throw new Suspend(failed ? Promise.race([released, failed]) : released, 'page frames');
  }

  /** After a write: begin to flush when half of the frames are dirty. */
  wrote(): void {
    this.context.volume.touched();
    if (this.dirtyPages > this.context.frames.limit >> 1) this.start(this.context.frames.limit >> 2);
  }

  /**
   * After a large write: the file's pages go to the log at once, while they are in the processor's cache. To wait
   * would not place them better, as they are a long run already. What can't be done now is left to the background.
   */
  wroteMuch(inode: Inode): void {
    try {
      const sweep = new FlushSweep(inode);
      while (flushStep(this.context, inode, sweep));
    } catch (e) {
      if (!(e instanceof Suspend || e instanceof FsError)) throw e;
    }
  }

  /** After a read that moved atime: bounds the inodes that are dirty for nothing else. */
  accessed(): void {
    if (this.dirty.size > 8192) this.start(this.context.frames.limit >> 2);
  }

  /**
   * The volume is full. Throws Suspend while a flush and a commit may make room; returns when they have been tried. An
   * operation of several steps makes the same pages dirty each time that it starts: when a few tries have left no more
   * room than there was, it has its answer.
   */
  makeRoom(): void {
    if (this.making === undefined) {
      if (!this.context.reclaimer.busy && (this.madeAt === this.spaceChanges || this.triedInVain())) return;
      this.making = this.flushAndCommit();
    }
    throw new Suspend(this.making, 'room on the volume');
  }

  /** Counts this try. True when as many as are worth it have gained nothing; then the next who asks gets as many. */
  private triedInVain(): boolean {
    const { available } = this.context.volume.statistics();
    const more = available > this.mostAvailable;
    this.madeInVain = more ? 0 : this.madeInVain + 1;
    const inVain = this.madeInVain > triesInVain;
    if (inVain) this.madeInVain = 0;
    this.mostAvailable = inVain ? -1 : Math.max(available, this.mostAvailable);
    return inVain;
  }

  /**
   * The same for an operation on names or attributes, which needs little: tried when much has become dirty since the
   * last time. An operation may dirty a page itself each time that it starts, and would else start for ever.
   */
  makeRoomForItems(): void {
    const more = this.dirtyPages - this.leftDirty > worthFlushing;
    if (this.making !== undefined || more || this.context.reclaimer.busy) this.makeRoom();
  }

  /** All that is dirty now goes to the tree. */
  async flush(inode: Inode): Promise<void> {
    const goal = inode.record.size;
    do {
      const sweep = new FlushSweep(inode);
      for (let steps = 1; await run(() => flushStep(this.context, inode, sweep)); steps++) {
        if (steps % stepsInARow === 0) await this.context.breathe();
      }
    } while (!inode.gone && inode.flushedSize < Math.min(goal, inode.record.size));
  }

  /** All files that have names. One that can't be flushed does not keep the others: the first failure is thrown in the end. */
  async flushAll(): Promise<void> {
    const failures: unknown[] = [];
    let flushed = 0;
    for (const inode of [...this.dirty]) {
      // A crash takes files without names anyway.
      if (!this.dirty.has(inode) || inode.record.links === 0) continue;
      await this.flush(inode).catch((e: unknown) => failures.push(e));
      if ((++flushed & 63) === 0) await this.context.breathe();
    }
    if (failures.length > 0) throw failures[0];
  }

  flushNow(): void {
    for (const inode of [...this.dirty]) {
      if (!this.dirty.has(inode) || inode.record.links === 0) continue;
      const sweep = new FlushSweep(inode);
      while (flushStep(this.context, inode, sweep));
    }
  }

  /** The background flush, if one is under way, has come to its end. */
  async settled(): Promise<void> {
    await this.background?.catch(() => undefined);
  }

  private becameDirty(inode: Inode): void {
    this.dirtyPages++;
    this.spaceChanges++;
    this.context.quotas?.dirtied(inode, 1);
    if (inode.pages?.dirtyCount === 1) this.dirty.add(inode);
  }

  private start(downTo: number): void {
    if (this.background !== undefined) return;
    this.background = this.flushDownTo(downTo).finally(() => {
      this.background = undefined;
    });
    // Who waits for frames sees the failure; without anyone waiting, the next fsync meets it again.
    this.background.catch(() => undefined);
  }

  /** As in `flushAll`, a failure waits for the end of the round; where the others are enough, the next fsync meets it. */
  private async flushDownTo(pages: number): Promise<void> {
    const failures: unknown[] = [];
    do {
      for (const inode of [...this.dirty]) {
        if (!this.dirty.has(inode)) continue;
        const sweep = new FlushSweep(inode);
        for (let more = true; more; ) {
          more = await run(() => flushStep(this.context, inode, sweep)).catch((e: unknown) => {
            failures.push(e);
            return false;
          });
          await this.context.breathe();
          if (this.dirtyPages <= pages && this.dirty.size <= 4096) return;
        }
      }
      if (failures.length > 0) throw failures[0];
    } while (this.dirtyPages > pages && this.dirty.size > 0);
  }

  private async flushAndCommit(): Promise<void> {
    try {
      await this.flushAll();
      await this.context.reclaimer.idle();
      const changes = this.spaceChanges;
      await this.context.volume.commit();
      this.madeAt = changes;
    } catch (e) {
      // A volume too full even to flush: the write that asked gets its own answer, ENOSPC.
      if (!(e instanceof FsError && e.code === 'ENOSPC')) throw e;
      this.madeAt = this.spaceChanges;
    } finally {
      this.leftDirty = this.dirtyPages;
      this.making = undefined;
    }
  }

  /** Clean pages of the inode that has had some for longest; those of `except` are about to be used. */
  private dropOldestClean(except: Inode): void {
    for (const inode of this.clean) {
      if (inode === except) continue;
      this.dropClean(inode);
      return;
    }
  }

  private dropClean(inode: Inode): void {
    const { pages } = inode;
    this.clean.delete(inode);
    if (pages === undefined) return;
    for (const page of pages.cleanPages()) {
      this.context.frames.release(pages.remove(page));
      this.cleanPages--;
    }
    if (pages.empty) inode.pages = undefined;
  }
}
