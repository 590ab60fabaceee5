/**
 * Giving back what no name and no size covers any more: files without names and holds, and pages beyond the end of
 * a file that was cut. Serves unlink, rename, truncate, the last `letGo`, and the mount after a crash.
 *
 * Work that does not fit one batch is announced by an orphan item first, in the batch that removed the name or set
 * the smaller size. Then bounded batches follow, each of which leaves a consistent map; the last one deletes the
 * orphan item. So a crash at any point leaves the item, and the next mount goes on.
 *
 * All batches here give space back (`frees`): they work on a full volume.
 */
import { inodeFlag, itemKind, Orphan } from '../../format/item.js';
import { run, Suspend } from '../../suspend.js';
import { type InodeNumber, maxFileSize, type PageNumber, pageSize, volumeInode } from '../../units.js';
import type { Context } from './context.js';
import { ExtentCut } from './extent-map.js';
import { extentAddress, extentBirth, extentStoredPages } from './extent-value.js';
import type { Inode } from './inode.js';
import { InodeEdit } from './inode-edit.js';

/** Most extents, and most items, that one batch gives back: two entries each. */
export const reclaimStep = 400;
/** The page after the last that a file can have. */
export const endOfPages: PageNumber = maxFileSize / pageSize;

/** Value of an orphan item. */
export function orphanValue(size: number): Uint8Array {
  const value = new Uint8Array(Orphan.size);
  Orphan.write(new DataView(value.buffer), 0, { size });
  return value;
}

/** Whether all items of a file surely fit one batch. */
export const fitsOneBatch = (inode: Inode): boolean =>
  inode.record.pages <= 256 && (inode.record.flags & inodeFlag.xattrs) === 0;

/**
 * Add to the edit the deletion of the inode's items: all of them and the inode itself, or as many as one batch
 * takes. True when that is all. May throw Suspend.
 */
export function removeItems(context: Context, edit: InodeEdit, inode: Inode): boolean {
  const { batch } = edit;
  const items = context.volume.seek(inode.number, itemKind.inline, 0);
  let pages = 0;
  for (let count = 0; items.valid && items.inode === inode.number; items.next()) {
    if (count++ === reclaimStep) {
      edit.record(inode).pages -= pages;
      return false;
    }
    batch.delete(inode.number, items.kind, items.offset);
    if (items.kind !== itemKind.extent) continue;
    const stored = extentStoredPages(items.value);
    pages += stored;
    batch.release(extentAddress(items.value), stored, extentBirth(items.value));
  }
  batch.delete(inode.number, itemKind.inode, 0);
  edit.remove(inode);
  return true;
}

/** One batch of giving back a file without names. False when more is left. */
function removeStep(context: Context, number: InodeNumber): boolean {
  const inode = context.inodes.get(number, 'reclaim');
  context.writeback.dropInode(inode);
  // What has not been flushed never will be: a flush that waits finds the size in the tree.
  inode.record.size = inode.flushedSize;
  inode.attributesDirty = false;
  const edit = new InodeEdit(context);
  edit.batch.frees = true;
  const all = removeItems(context, edit, inode);
  if (all) edit.batch.delete(volumeInode, itemKind.orphan, number);
  edit.apply();
  inode.mapVersion++;
  return all;
}

/** Add to the edit the cut of all pages from `from` on, or as many as one batch takes. True when that is all. */
export function cutPages(context: Context, edit: InodeEdit, inode: Inode, from: PageNumber): boolean {
  const cut = new ExtentCut(context.volume, inode.number, edit.batch);
  const reached = cut.cut(from, endOfPages, reclaimStep);
  cut.finish();
  for (const page of cut.removed) edit.batch.delete(inode.number, itemKind.extent, page);
  edit.record(inode).pages -= cut.pages;
  return reached === endOfPages;
}

/** One batch of giving back what lies beyond a file's end. False when more is left. */
function cutStep(context: Context, inode: Inode, from: PageNumber): boolean {
  if (inode.gone) return true;
  const edit = new InodeEdit(context);
  edit.batch.frees = true;
  const all = cutPages(context, edit, inode, from);
  if (all && inode.record.links > 0) edit.batch.delete(volumeInode, itemKind.orphan, inode.number);
  edit.apply();
  inode.mapVersion++;
  return all;
}

export class Reclaimer {
  private readonly waiting = new Set<InodeNumber>();
  private readonly cuts = new Set<Promise<void>>();
  private working: Promise<void> | undefined;

  constructor(private readonly context: Context) {}

  get busy(): boolean {
    return this.working !== undefined || this.cuts.size > 0;
  }

  /** Give back a file without names and holds: at once if what that needs is in memory, else in the background. */
  add(number: InodeNumber): void {
    const inode = this.context.inodes.peek(number);
    if (inode?.cutting === undefined && this.working === undefined) {
      try {
        if (removeStep(this.context, number)) return;
      } catch (e) {
        if (!(e instanceof Suspend)) return;
      }
    }
    this.waiting.add(number);
    this.working ??= this.work();
  }

  /** Give back the file's pages from `from` on, announced by an orphan item; the inode is `cutting` meanwhile. */
  cut(inode: Inode, from: PageNumber): void {
    const work = this.cutAll(inode, from).finally(() => {
      inode.cutting = undefined;
      this.cuts.delete(work);
    });
    inode.cutting = work;
    this.cuts.add(work);
    work.catch(() => undefined);
  }

  /** All work so far is done, or has failed: then its orphan item stays for the next mount. */
  async idle(): Promise<void> {
    while (this.busy) await Promise.allSettled([this.working, ...this.cuts]);
  }

  /** Finish what the last mount left: called once, before anything is served. */
  async recover(): Promise<void> {
    const { volume } = this.context;
    if (volume.readOnly) return;
    let next: InodeNumber = 0;
    for (;;) {
      const found = await run(() => {
        const items = volume.seek(volumeInode, itemKind.orphan, next);
        if (!items.valid || items.inode !== volumeInode || items.kind !== itemKind.orphan) return undefined;
        const view = new DataView(items.value.buffer, items.value.byteOffset, items.value.length);
        return { number: items.offset, size: Orphan.read(view).size };
      });
      if (found === undefined) return;
      const inode = await run(() => this.context.inodes.get(found.number, 'recover'));
      if (inode.record.links === 0) {
        await this.removeAll(found.number);
      } else {
        await this.cutAll(inode, Math.ceil(found.size / pageSize));
      }
      next = found.number + 1;
    }
  }

  private async work(): Promise<void> {
    for (const number of this.waiting) {
      try {
        await this.context.inodes.peek(number)?.cutting;
        await this.removeAll(number);
      } catch {
        // The volume has become read-only, or a node is damaged: the orphan item says what is left to do.
      }
      this.waiting.delete(number);
    }
    this.working = undefined;
  }

  private async removeAll(number: InodeNumber): Promise<void> {
    while (!(await run(() => removeStep(this.context, number)))) await this.context.breathe();
  }

  private async cutAll(inode: Inode, from: PageNumber): Promise<void> {
    while (!(await run(() => cutStep(this.context, inode, from)))) await this.context.breathe();
  }
}
