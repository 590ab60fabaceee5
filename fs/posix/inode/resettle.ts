/**
 * A step of the pass that keeps the relocation map small: from a key of the live tree on, pages of files that are known
 * through short entries are read and made dirty as they are, so that the flush puts them where their address says. When
 * that is worth it, and how far it has come, is known below (volume/moved-pages.ts).
 *
 * It gets in nobody's way: what can't be read, or is gone by then, is passed over, and a volume too full ends the step.
 */
import { FsError } from '../../errors.js';
import { itemKind } from '../../format/item.js';
import { run } from '../../suspend.js';
import type { InodeNumber, PageNumber } from '../../units.js';
import type { ItemKey, MovedPages, Resettler, ResettleStep } from '../../volume/moved-pages.js';
import type { Context } from './context.js';
import { layAnew } from './defragment.js';
import { extentAddress, extentBirth, extentPageCount, extentStoredPages } from './extent-value.js';

/** Items to look at in one stretch, and stretches in a step. */
const [itemsInStretch, stretchesInStep] = [256, 32];
/** Pages of a file that are laid anew in one go, about. */
const pagesInRange = 256;

/** Pages of a file that follow each other. */
interface Range {
  readonly inode: InodeNumber;
  readonly first: PageNumber;
  end: PageNumber;
  pages: number;
  entries: number;
}

export class Resettling implements Resettler {
  private working: Promise<unknown> | undefined;
  private stopped = false;

  constructor(
    private readonly context: Context,
    private readonly moved: MovedPages,
  ) {
    moved.resettler = this;
  }

  step(from: ItemKey, mostPages: number): Promise<ResettleStep> {
    const work = this.work(from, mostPages).finally(() => {
      this.working = undefined;
    });
    this.working = work;
    return work;
  }

  /** No step is begun any more; resolves when none is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    if (this.moved.resettler === this) this.moved.resettler = undefined;
    await this.working?.catch(() => undefined);
  }

  breathe(): Promise<void> {
    return this.context.breathe();
  }

  private async work(from: ItemKey, mostPages: number): Promise<ResettleStep> {
    let [pages, entries] = [0, 0];
    const until = (next: ItemKey | undefined, full = false): ResettleStep => ({ next, pages, entries, full });
    let at: ItemKey | undefined = from;
    for (let stretch = 0; at !== undefined && stretch < stretchesInStep && !this.stopped; stretch++) {
      const start: ItemKey = at;
      const { ranges, next } = await run(() => this.look(start));
      for (const range of ranges) {
        if (this.stopped || pages >= mostPages) return until(keyOf(range));
        const laid = await this.layAnew(range);
        if (laid === 'full') return until(undefined, true);
        if (!laid) continue;
        pages += range.pages;
        entries += range.entries;
      }
      await this.context.breathe();
      at = next;
    }
    return until(at);
  }

  /** What is known through short entries and held by no snapshot, among the next items. May throw Suspend. */
  private look(from: ItemKey): { ranges: readonly Range[]; next: ItemKey | undefined } {
    const { volume } = this.context;
    const ranges: Range[] = [];
    const items = volume.seek(from.inode, from.kind, from.offset);
    for (let count = 0; items.valid; items.next()) {
      const { inode, kind, offset } = items;
      if (count++ === itemsInStretch) return { ranges, next: { inode, kind, offset } };
      if (kind !== itemKind.extent) continue;
      const { value } = items;
      const address = extentAddress(value);
      if (address === 0 || extentBirth(value) <= volume.heldGeneration) continue;
      const pages = extentStoredPages(value);
      const short = this.moved.shortEntries(address, pages);
      if (short.length === 0) continue;
      // One may speak for several extents: it counts with the one of its first page.
      const entries = short.filter((entry) => entry.address >= address).length;
      const end = offset + extentPageCount(value);
      const last = ranges.at(-1);
      if (last?.inode === inode && last.end === offset && last.pages < pagesInRange) {
        last.end = end;
        last.pages += pages;
        last.entries += entries;
      } else ranges.push({ inode, first: offset, end, pages, entries });
    }
    return { ranges, next: undefined };
  }

  private async layAnew({ inode: number, first, end, pages }: Range): Promise<boolean | 'full'> {
    const { context } = this;
    try {
      const inode = await context.inodes.keep(number, 'resettle');
      try {
        if (!inode.isRegular || inode.record.links === 0) return false;
        await layAnew(context, inode, { first, end, pages, pieces: 1 }, { held: false }, end - first);
      } finally {
        inode.busy--;
      }
      return true;
    } catch (e) {
      if (!(e instanceof FsError) || context.volume.failure !== undefined) throw e;
      return e.code === 'ENOSPC' ? 'full' : false;
    }
  }
}

const keyOf = ({ inode, first }: Range): ItemKey => ({ inode, kind: itemKind.extent, offset: first });
