/**
 * Inodes in memory, by number, and who refers to them. Serves every operation: each begins with `get`.
 *
 * Invariants
 * 1. There is one Inode object per number at a time. It stays while it has anything that the tree has not, and at
 *    least until the running operation gives up the thread: so an operation may keep what it got.
 * 2. Holds are counted apart from the objects (hold-counts.ts): a kernel may remember millions of inodes.
 * 3. `nameless` has every inode that has lost its last name (or never had one) and is not yet reclaimed.
 */
import { CorruptionError, FsError } from '../../errors.js';
import { itemKind } from '../../format/item.js';
import { run } from '../../suspend.js';
import type { InodeNumber } from '../../units.js';
import type { VolumeApi } from '../../volume/api.js';
import { HoldCounts } from './hold-counts.js';
import { Inode } from './inode.js';
import { decodeInode } from './inode-record.js';

export class InodeTable {
  readonly nameless = new Set<InodeNumber>();
  /** Counts inodes that came to be nameless. */
  namesLost = 0;
  private readonly inodes = new Map<InodeNumber, Inode>();
  private readonly holds = new HoldCounts();
  private sweepAt: number;
  private sweeping = false;

  /** `limit`: how many inodes to remember, at about 0.4 KiB each. */
  constructor(
    private readonly volume: VolumeApi,
    private readonly limit: number,
  ) {
    this.sweepAt = limit;
  }

  get size(): number {
    return this.inodes.size;
  }

  /** ESTALE when there is no such inode. May throw Suspend. */
  get(number: InodeNumber, operation: string): Inode {
    const known = this.inodes.get(number);
    if (known !== undefined) return known;
    const value = this.volume.get(number, itemKind.inode, 0);
    if (value === undefined) throw new FsError('ESTALE', operation, number);
    return this.add(new Inode(number, decodeInode(number, value)));
  }

  /** For work that others get their turns in: the inode stays in the table until its `busy` is counted down. Rejects as `get`. */
  keep(number: InodeNumber, operation: string): Promise<Inode> {
    return run(() => {
      const inode = this.get(number, operation);
      // Here and not after the wait: the table might forget it in between.
      inode.busy++;
      return inode;
    });
  }

  /** The inode to which a directory entry leads. May throw Suspend. */
  follow(number: InodeNumber, directory: InodeNumber): Inode {
    const known = this.inodes.get(number);
    if (known !== undefined) return known;
    const value = this.volume.get(number, itemKind.inode, 0);
    if (value === undefined)
      throw new CorruptionError('directory entry', `directory ${directory}`, `no inode ${number}`);
    return this.add(new Inode(number, decodeInode(number, value)));
  }

  /** The inode if it is in memory. */
  peek(number: InodeNumber): Inode | undefined {
    return this.inodes.get(number);
  }

  add(inode: Inode): Inode {
    this.inodes.set(inode.number, inode);
    if (this.inodes.size > this.sweepAt && !this.sweeping) {
      this.sweeping = true;
      queueMicrotask(() => this.sweep());
    }
    return inode;
  }

  /** It is no longer in the tree. */
  remove(inode: Inode): void {
    inode.gone = true;
    this.inodes.delete(inode.number);
    this.nameless.delete(inode.number);
  }

  /** It has no name, and is to be reclaimed when nobody holds it. */
  addNameless(number: InodeNumber): void {
    this.nameless.add(number);
    this.namesLost++;
  }

  hold(number: InodeNumber): void {
    this.holds.add(number);
  }

  /** True when the last hold is gone. */
  letGo(number: InodeNumber, count: number): boolean {
    return this.holds.subtract(number, count) === 0;
  }

  get anyHeld(): boolean {
    return this.holds.size > 0;
  }

  isHeld(number: InodeNumber): boolean {
    return this.holds.has(number);
  }

  /** Forget the oldest quarter of those that can be read again. */
  private sweep(): void {
    this.sweeping = false;
    let surplus = this.inodes.size - Math.floor((this.limit * 3) / 4);
    for (const [number, inode] of this.inodes) {
      if (surplus <= 0) break;
      if (!inode.disposable) continue;
      this.inodes.delete(number);
      surplus--;
    }
    // When nearly all are dirty, looking again at each addition would cost more than the memory does.
    this.sweepAt = Math.max(this.limit, this.inodes.size + (this.limit >> 2));
  }
}
