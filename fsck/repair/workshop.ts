/**
 * A volume opened for repair: its log, its trees and its segment table as far as the check found them right, and
 * changes through the ordinary tree code. Nothing is served and nothing journalled; what is done becomes durable by
 * checkpoints alone.
 *
 * Crash safety: pages are appended only to places that were free in the checkpoint from which the repair started, and
 * both of its slots are overwritten only by the checkpoints at the end, one after the other. So a repair that is cut
 * off leaves the state from which it started, or one that it meant to leave.
 */
import { randomBytes } from 'node:crypto';
import { greedy } from '../../fs/cleaner/policy.js';
import { FsError, VolumeError } from '../../fs/errors.js';
import { itemKind } from '../../fs/format/item.js';
import { Pointer } from '../../fs/format/pointer.js';
import { runKind } from '../../fs/format/segment-summary.js';
import { writeU64 } from '../../fs/format/struct.js';
import type { Superblock } from '../../fs/format/superblock.js';
import type { Store } from '../../fs/store/store.js';
import { run, Suspend } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { type InodeNumber, type PageNumber, pageSize } from '../../fs/units.js';
import { applyChanges, prepareChanges } from '../../fs/volume/apply.js';
import { assemble } from '../../fs/volume/assemble.js';
import { clearBroken, type FoundCheckpoint } from '../../fs/volume/checkpoint-slots.js';
import { Checkpoints } from '../../fs/volume/checkpoints.js';
import { Cleaning } from '../../fs/volume/cleaning.js';
import { mustWork, type VolumeState } from '../../fs/volume/state.js';
import { pointerOf } from '../extent-value.js';
import type { Item } from '../system-items.js';

/** Items read at once. */
const chunkItems = 64;
/** A place for nodes and their copies of the checkpoint, and one more. */
const leastPlaces = 2;
/** Memory for nodes. */
const cacheBytes = 32 * 2 ** 20;

export class Workshop {
  private readonly checkpoints: Checkpoints;
  private readonly cleaning: Cleaning;

  constructor(
    readonly state: VolumeState,
    now: () => number,
  ) {
    this.checkpoints = new Checkpoints(state, () => Math.floor(now() / 1000));
    this.cleaning = new Cleaning(state, this.checkpoints, () => false, greedy);
  }

  /** Put the parts together in the state of a checkpoint. Throws CorruptionError if its table can't be read. */
  static async open(
    store: Store,
    superblock: Superblock,
    found: FoundCheckpoint,
    now: () => number,
  ): Promise<Workshop> {
    // The heads stay closed: where they stood is not to be relied on.
    const closed = { ...found.checkpoint, clean: 0 };
    const random = randomBytes(6).readUIntLE(0, 6);
    const from = { checkpoint: closed, map: found.map.slice() };
    // As a mount does: nothing is built on a checkpoint that is in the host's memory alone.
    await store.barrier();
    await clearBroken(store, superblock, found.checkpoint.slot);
    return new Workshop(await assemble(keeping(store), superblock, from, { cacheBytes, epoch: random }), now);
  }

  get nameSeed(): number {
    return this.state.superblock.nameSeed;
  }

  /** Value of an item, copied. */
  get(inode: InodeNumber, kind: number, offset: number): Promise<Uint8Array | undefined> {
    return run(() => this.state.main.get(inode, kind, offset)?.slice());
  }

  /** Whether there are items of an inode. */
  has(inode: InodeNumber): Promise<boolean> {
    return run(() => {
      const cursor = this.state.main.seek(inode, 0, 0);
      return cursor.valid && cursor.inode === inode;
    });
  }

  /** Items from a key on, as long as they are of `inode` (and `kind`, if given). They may be changed meanwhile. */
  async *items(inode: InodeNumber, kind?: number, from = 0): AsyncGenerator<Item> {
    let at = { kind: kind ?? 0, offset: from };
    for (;;) {
      const chunk = await run(() => this.chunk(inode, at));
      for (const item of chunk) {
        if (kind !== undefined && item.kind !== kind) return;
        yield item;
      }
      if (chunk.length < chunkItems) return;
      const last = chunk[chunk.length - 1];
      at = { kind: last.kind, offset: last.offset + 1 };
    }
  }

  private chunk(inode: InodeNumber, at: { kind: number; offset: number }): Item[] {
    const items: Item[] = [];
    const cursor = this.state.main.seek(inode, at.kind, at.offset);
    for (; cursor.valid && cursor.inode === inode && items.length < chunkItems; cursor.next()) {
      items.push({ inode, kind: cursor.kind, offset: cursor.offset, value: cursor.value.slice() });
    }
    return items;
  }

  /** Do a batch: items and claims. What it no longer needs is found by the next recount, not released. */
  async change(batch: Batch): Promise<void> {
    await run(() => {
      this.mustHaveRoom();
      prepareChanges(this.state, batch.items);
      applyChanges(this.state, batch);
    });
  }

  /** Throws VolumeError unless there are free places for the least that a repair writes. */
  mustHavePlaces(): void {
    if (this.state.table.reusablePlaces < leastPlaces) throw this.noRoom();
  }

  private noRoom(): VolumeError {
    return new VolumeError('io', `${this.state.store.name}: there is no room to write a repair to`);
  }

  private mustHaveRoom(): void {
    const { state } = this;
    mustWork(state, 'repair');
    const { cache, space, table } = state;
    if (cache.dirty >= space.mostDirtyNodes) throw new Suspend(this.checkpoints.checkpoint(), 'commit');
    if (table.reusablePlaces < space.commitPlaces) throw new Suspend(this.makeRoom(), 'place');
  }

  private async makeRoom(): Promise<void> {
    try {
      await this.cleaning.makeRoom(this.state.space.commitPlaces);
    } catch (e) {
      if (!(e instanceof FsError && e.code === 'ENOSPC')) throw e;
      throw this.noRoom();
    }
  }

  /** Copy the pages of an extent, as they are stored, and put the extent with the new address in its place. */
  async copyExtent(inode: InodeNumber, first: PageNumber, value: Uint8Array): Promise<Uint8Array> {
    const { state } = this;
    const { address, pages } = pointerOf(value);
    const bytes = new Uint8Array(pages * pageSize);
    await run(() => state.log.read(address, pages, bytes));
    return run(() => {
      this.mustHaveRoom();
      state.main.require(inode, itemKind.extent, first);
      state.log.data.append(bytes, pages, pages, { kind: runKind.data, inode, offset: first }, undefined);
      const copy = value.slice();
      const view = new DataView(copy.buffer);
      writeU64(view, Pointer.offsetOf.address, state.log.data.appended);
      writeU64(view, Pointer.offsetOf.birth, state.log.generation);
      const { checksum } = pointerOf(copy);
      applyChanges(
        state,
        new Batch()
          .put(inode, itemKind.extent, first, copy)
          .claim(state.log.data.appended, pages, state.log.generation, checksum),
      );
      state.log.data.flush();
      return copy;
    });
  }

  /** Make all of it durable: the checkpoint in one slot, then the same state in the other. */
  async finish(): Promise<void> {
    await this.checkpoints.close();
    await this.checkpoints.close();
  }
}

/** The store, with no space given back to the host: what no pointer leads to may still be looked for. */
export function keeping(store: Store): Store {
  return {
    size: store.size,
    readOnly: store.readOnly,
    name: store.name,
    read: (offset, into) => store.read(offset, into),
    write: (offset, buffers) => store.write(offset, buffers),
    barrier: () => store.barrier(),
    discard: () => undefined,
    close: () => store.close(),
  };
}
