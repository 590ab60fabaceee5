/**
 * A line that is being received, as the filesystem layer sees a volume: its own map, to be read and changed; log, space
 * and commits are the volume's. Nothing is flushed into it, and it makes no inode numbers.
 */
import { asDamage, FsError } from '../errors.js';
import type { Usage } from '../format/item.js';
import { Suspend } from '../suspend.js';
import type { Batch } from '../tree/batch.js';
import type { Address, Generation, InodeNumber, PageNumber } from '../units.js';
import type { Flusher, ItemCursor, PageRun, VolumeApi } from './api.js';
import { BesideLive } from './beside-live.js';
import type { SideTree } from './side-tree.js';
import type { Holder } from './usage.js';
import type { Volume } from './volume.js';

/** Nodes for which there must be room before a batch: it may dirty as many. */
const nodesInBatch = 72;

export class SideLine extends BesideLive implements VolumeApi {
  flusher: Flusher | undefined;

  constructor(
    volume: Volume,
    readonly side: SideTree,
  ) {
    super(volume);
  }

  get readOnly(): boolean {
    return this.volume.readOnly;
  }
  get failure(): string | undefined {
    return this.volume.failure;
  }
  get generation(): Generation {
    return this.volume.generation;
  }
  get heldGeneration(): Generation {
    return this.side.floor;
  }
  get inodes(): number {
    return this.side.inodeCount;
  }

  get(inode: InodeNumber, kind: number, offset: number): Uint8Array | undefined {
    return this.side.tree.get(inode, kind, offset);
  }
  seek(inode: InodeNumber, kind: number, offset: number): ItemCursor {
    return this.side.tree.seek(inode, kind, offset);
  }
  floor(inode: InodeNumber, kind: number, offset: number): ItemCursor {
    return this.side.tree.floor(inode, kind, offset);
  }

  usageOf(holder: Holder, id: number): Usage {
    return this.side.usageOf(holder, id);
  }

  mustBeWritable(operation: string): void {
    this.volume.mustBeWritable(operation);
  }

  /** Besides what the volume says: runs that were dropped must not become too many for a commit, nor nodes for the space. */
  private mustWrite(): void {
    const { volume, side } = this;
    volume.mustWrite(true);
    const { space } = volume.state;
    if (side.dropped.waiting.length >= 4 * space.mostDirtyNodes)
      throw new Suspend(volume.checkpoints.checkpoint(), 'commit');
    if (space.available >= nodesInBatch * space.perNode) return;
    const { idle } = volume.leaving;
    if (idle !== undefined) throw new Suspend(idle, 'a snapshot that leaves');
    throw new FsError('ENOSPC', 'receive', undefined, `${Math.max(0, space.available)} pages are free`);
  }

  prepare(keys: readonly { inode: InodeNumber; kind: number; offset: number }[], pages: number): void {
    this.mustWrite();
    for (const { inode, kind, offset } of keys) this.side.tree.require(inode, kind, offset);
    if (pages > 0) this.volume.mustHavePlaces(pages);
  }

  apply(batch: Batch): void {
    this.mustWrite();
    this.side.tree.prepare(batch.items);
    try {
      this.side.apply(batch, batch.inodes);
    } catch (e) {
      const failure = asDamage(e, 'batch');
      this.volume.state.fail(failure);
      throw failure;
    }
    this.volume.touched();
  }

  appendData(inode: InodeNumber, firstPage: PageNumber, buffers: readonly Uint8Array[], done: () => void): PageRun[] {
    return this.volume.appendData(inode, firstPage, buffers, done);
  }
  appendUnit(inode: InodeNumber, firstPage: PageNumber, pages: Uint8Array, done: () => void): Address {
    return this.volume.appendUnit(inode, firstPage, pages, done);
  }
  endUnits(): void {
    this.volume.endUnits();
  }
  reserve(pages: number, replaces = 0): void {
    this.volume.reserve(pages, replaces);
  }
  unreserve(pages: number): void {
    this.volume.unreserve(pages);
  }
  allocateInode(): InodeNumber {
    throw new FsError('EROFS', 'create');
  }
  sync(): Promise<void> {
    return this.volume.commit();
  }
  handOver(): undefined {
    return undefined;
  }
  commit(): Promise<void> {
    return this.volume.commit();
  }
  touched(): void {
    this.volume.touched();
  }
}
