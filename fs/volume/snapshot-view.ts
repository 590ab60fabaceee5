/**
 * A kept root as the filesystem layer sees a volume: the same map and log, read-only. The nodes are shared with the live
 * tree in one cache, as an address never means other bytes.
 */
import { FsError } from '../errors.js';
import type { Usage } from '../format/item.js';
import type { Pieces } from '../store/pieces.js';
import { Tree, treeId } from '../tree/tree.js';
import { type Address, type Generation, type InodeNumber, volumeInode } from '../units.js';
import type { Flusher, ItemCursor, PageRun, VolumeApi } from './api.js';
import { BesideLive } from './beside-live.js';
import type { KeptRoot } from './kept-roots.js';
import { decodeUsage, type Holder, usageKinds } from './usage.js';
import type { Volume } from './volume.js';

export class SnapshotView extends BesideLive implements VolumeApi {
  readonly readOnly = true;
  readonly failure = undefined;
  readonly inodes: number;
  readonly generation: Generation;
  readonly heldGeneration: Generation = 0;
  flusher: Flusher | undefined;
  /** Its map. Nobody may go on with it once the snapshot is deleted: see `mustBeThere`. */
  readonly tree: Tree;

  constructor(
    volume: Volume,
    readonly root: KeptRoot,
  ) {
    super(volume);
    const { pointer, height, generation } = root;
    this.inodes = root.inodes;
    this.generation = generation;
    const owner = { generation, releaseNode: () => undefined };
    this.tree = new Tree(volume.state.cache, owner, treeId.main, root.id, { pointer, height });
  }

  mustBeWritable(operation: string): never {
    throw new FsError('EROFS', operation);
  }

  /** Throws ESTALE: once the snapshot is deleted, what it held may be written over at any time. */
  mustBeThere(): void {
    if (!this.volume.snapshots.has(this.root.id))
      throw new FsError('ESTALE', 'read', undefined, 'the snapshot is gone');
  }

  get(inode: InodeNumber, kind: number, offset: number): Uint8Array | undefined {
    this.mustBeThere();
    return this.tree.get(inode, kind, offset);
  }
  seek(inode: InodeNumber, kind: number, offset: number): ItemCursor {
    this.mustBeThere();
    return this.tree.seek(inode, kind, offset);
  }
  floor(inode: InodeNumber, kind: number, offset: number): ItemCursor {
    this.mustBeThere();
    return this.tree.floor(inode, kind, offset);
  }

  usageOf(holder: Holder, id: number): Usage {
    return decodeUsage(this.get(volumeInode, usageKinds[holder], id));
  }

  override readPages(address: Address, pages: number, into: Uint8Array): Promise<void> | undefined {
    this.mustBeThere();
    return super.readPages(address, pages, into);
  }
  override locate(address: Address, pages: number, buffer: Uint8Array, at: number, pieces: Pieces): number {
    this.mustBeThere();
    return super.locate(address, pages, buffer, at, pieces);
  }

  apply(): never {
    return this.mustBeWritable('write');
  }
  prepare(): never {
    return this.mustBeWritable('write');
  }
  appendData(): PageRun[] {
    return this.mustBeWritable('write');
  }
  appendUnit(): Address {
    return this.mustBeWritable('write');
  }
  endUnits(): void {}
  reserve(): never {
    return this.mustBeWritable('write');
  }
  allocateInode(): InodeNumber {
    return this.mustBeWritable('create');
  }
  /** Nothing was reserved, as nothing is ever dirty. */
  unreserve(): void {}
  touched(): void {}

  sync(): Promise<void> {
    return Promise.resolve();
  }
  handOver(): undefined {
    return undefined;
  }
  commit(): Promise<void> {
    return Promise.resolve();
  }
}
