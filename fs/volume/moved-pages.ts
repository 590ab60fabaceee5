/**
 * What keeps the relocation map small, as far as the volume knows it: when a pass over the live tree is worth its writes,
 * which pages it is about, and how far it has come. What a file is, only the filesystem layer knows: it takes the steps
 * through the files (posix/inode/resettle.ts). Leaves that were moved are made dirty here.
 *
 * Invariants
 * 1. A pass lays anew at most as many pages as others have had written since the mount: an idle volume comes to rest.
 * 2. Nothing is laid anew that a kept root holds.
 * 3. Where the pass stands is in memory alone: it may stop anywhere, and what it leaves is found by the next one.
 * 4. A step looks at so many items and no more, whatever it finds: when others change something, it soon ends.
 *
 * Crash safety: pages and leaves become dirty with the contents that they have, which is as safe as a write.
 */
import type { MapSize, MovedRun } from '../cleaner/relocation-map.js';
import { nextTurn, run } from '../suspend.js';
import type { Node } from '../tree/node.js';
import { type Address, extentPages, type InodeNumber, pageSize } from '../units.js';
import type { VolumeState } from './state.js';

export interface ItemKey {
  readonly inode: InodeNumber;
  readonly kind: number;
  readonly offset: number;
}

export interface ResettleStep {
  /** Key to go on with; undefined: that was the last one. */
  readonly next: ItemKey | undefined;
  /** Laid anew. */
  readonly pages: number;
  /** Entries of the map that went with them. */
  readonly entries: number;
  /** It ended as the volume is too full. */
  readonly full: boolean;
}

/** Who lays files anew. */
export interface Resettler {
  /** Lay anew what is known through short entries, from a key on: about `mostPages`, of so many items. Rejects with EIO. */
  step(from: ItemKey, mostPages: number): Promise<ResettleStep>;
  /** Let requests be served. */
  breathe(): Promise<void>;
}

/** Since the volume was opened. */
export interface Resettled {
  readonly pages: number;
  readonly nodes: number;
  /** Entries that went with them. */
  readonly entries: number;
}

/** A step is worth so many pages, and takes at most so many. */
const [leastPages, mostPages] = [64, 1024];
/** A map with fewer entries is small. */
const leastEntries = 1024;
/** Entries of a leaf of the map, at most: slot, key and value have 36 bytes. */
const bytesOfEntry = 32;
/** Less free space than this share of the volume: laying anew would cost much cleaning. */
const leastFree = 1 / 8;
/** The map is measured again when so large a share of the live pages was written since. */
const remeasured = 1 / 64;
const entriesInStep = 4096;
/** Leaves to look at in one stretch. */
const leavesInStretch = 16;
const beginning: ItemKey = { inode: 0, kind: 0, offset: 0 };

export class MovedPages {
  /** Of the filesystem that is in use; undefined: none is. */
  resettler: Resettler | undefined;
  /** Where the pass stands; undefined: none is under way. */
  private at: ItemKey | undefined;
  private working: Promise<unknown> | undefined;
  private pages = 0;
  private nodes = 0;
  private entries = 0;
  /** Pages of files that had been written when the map was measured last. */
  private measured: number | undefined;
  /** It is being measured: where to go on, and the entries before that. */
  private measuring: { readonly from: Address; readonly entries: number } | undefined;
  /** A pass has ended since then. */
  private ended = false;
  /** Entries that the last pass had to leave, and the newest snapshot then. */
  private left = { entries: 0, held: 0 };

  constructor(
    private readonly state: VolumeState,
    /** Throws Suspend while a commit or the cleaner must come first, EIO. */
    private readonly mustWrite: () => void,
    private readonly touched: () => void,
  ) {}

  get resettled(): Resettled {
    const { pages, nodes, entries } = this;
    return { pages, nodes, entries };
  }

  /** A step, if it is worth its writes. False: there is nothing more to do now. Rejects with EIO. */
  async step(): Promise<boolean> {
    const { resettler } = this;
    const pages = Math.min(mostPages, this.credit);
    if (resettler === undefined || this.working !== undefined || pages < leastPages || !this.hasRoom) return false;
    const large = this.at !== undefined || (await this.isLarge(resettler));
    if (large !== true) return large === undefined;
    await this.walk(pages);
    return this.at !== undefined;
  }

  /** A whole pass, whether it is worth it or not. Rejects with EIO. */
  async pass(): Promise<void> {
    this.at = undefined;
    do await this.walk(mostPages);
    while (this.at !== undefined);
  }

  /** The short entries that speak for pages of the run. May throw Suspend. */
  shortEntries(address: Address, pages: number): readonly MovedRun[] {
    const { log, table, map } = this.state;
    const place = table.placeOf(Math.floor(address / log.perSegment));
    if (place >= 0 && table.isLive(place, address % log.perSegment)) return [];
    return map.overlapping(address, pages).filter(isShort);
  }

  /** Pages that may still be laid anew. Those of files that were are among the ones that have been written. */
  private get credit(): number {
    const { counters, cache } = this.state;
    return counters.filePages - 2 * this.pages - (this.nodes * cache.nodeBytes) / pageSize;
  }

  private get hasRoom(): boolean {
    const { space, table } = this.state;
    if (table.reusablePlaces + table.pendingPlaces < space.lowPlaces) return false;
    return space.available >= space.capacity * leastFree;
  }

  /** Whether the map has more entries than extents would be in a volume without fragments; undefined: it counts on. */
  private async isLarge(resettler: Resettler): Promise<boolean | undefined> {
    const { table, system, map, counters, cache } = this.state;
    const bound = Math.max(leastEntries, table.livePages / extentPages);
    if (this.measuring === undefined) {
      if ((system.nodes * cache.nodeBytes) / bytesOfEntry < bound) return false;
      if (this.measured !== undefined && counters.filePages - this.measured < table.livePages * remeasured)
        return false;
      this.measured = counters.filePages;
    }
    const { from, entries: before } = this.measuring ?? { from: 0, entries: 0 };
    const { entries, next } = await run(() => map.measure(from, entriesInStep));
    await resettler.breathe();
    this.measuring = next === undefined ? undefined : { from: next, entries: before + entries };
    return next === undefined ? this.besidesLeft(before + entries) > bound : undefined;
  }

  /** Entries that a pass may take out: what the last one left stays as long as the newest snapshot does. */
  private besidesLeft(entries: number): number {
    const { newestSnapshot } = this.state;
    if (this.ended || entries < this.left.entries) this.left = { entries, held: newestSnapshot };
    else if (newestSnapshot < this.left.held) this.left = { entries: 0, held: 0 };
    this.ended = false;
    return entries - this.left.entries;
  }

  private async walk(most: number): Promise<void> {
    while (this.working !== undefined) await this.working.catch(() => undefined);
    const work = this.work(this.at ?? beginning, most).finally(() => {
      this.working = undefined;
    });
    this.working = work;
    await work;
  }

  private async work(from: ItemKey, most: number): Promise<void> {
    const { resettler } = this;
    this.at = undefined;
    if (resettler === undefined) return;
    const { next, pages, entries, full } = await resettler.step(from, most);
    this.pages += pages;
    this.entries += entries;
    if (full) return;
    await this.resettleLeaves(resettler, from, next);
    this.at = next;
    this.ended = next === undefined;
  }

  /** Those between two keys; undefined: to the end. */
  private async resettleLeaves(resettler: Resettler, from: ItemKey, until: ItemKey | undefined): Promise<void> {
    for (let at: ItemKey | undefined = from; at !== undefined; ) {
      const start: ItemKey = at;
      const { moved, next } = await run(() => this.movedLeaf(start, until));
      if (moved !== undefined) await run(() => this.rewrite(moved));
      await resettler.breathe();
      at = next;
    }
  }

  /** The next leaf that was moved, if there is one among the first ones, and where to go on. May throw Suspend. */
  private movedLeaf(
    from: ItemKey,
    until: ItemKey | undefined,
  ): { moved: ItemKey | undefined; next: ItemKey | undefined } {
    const cursor = this.state.main.seek(from.inode, from.kind, from.offset);
    let moved: ItemKey | undefined;
    for (let left = leavesInStretch; cursor.valid; cursor.nextLeaf()) {
      const { leaf, inode, kind, offset } = cursor;
      const key = { inode, kind, offset };
      if (until !== undefined && !isBefore(key, until)) break;
      if (moved !== undefined || left-- === 0) return { moved, next: key };
      if (this.isMoved(leaf)) moved = key;
    }
    return { moved, next: undefined };
  }

  private isMoved({ dirty, birth, address, bytes }: Node): boolean {
    if (dirty || birth <= this.state.newestSnapshot) return false;
    return this.shortEntries(address, bytes.length / pageSize).length > 0;
  }

  /** Have the leaf that covers the key written elsewhere by the next commit. May throw Suspend. */
  private rewrite({ inode, kind, offset }: ItemKey): void {
    const { state } = this;
    this.mustWrite();
    const { leaf } = state.main.seek(inode, kind, offset);
    if (leaf.dirty || leaf.birth <= state.newestSnapshot) return;
    state.main.rewrite(inode, kind, offset, 0);
    state.changed = true;
    this.nodes++;
    this.entries++;
    this.touched();
  }
}

/** How large the map is; `breathe`: let requests be served. May read the system tree. Rejects with EIO, EUCLEAN. */
export async function mapSize({ map }: VolumeState, breathe = nextTurn): Promise<MapSize> {
  const total = { entries: 0, pages: 0, leaves: 0 };
  for (let from: Address | undefined = 0; from !== undefined; ) {
    const start: Address = from;
    const part = await run(() => map.measure(start, entriesInStep));
    total.entries += part.entries;
    total.pages += part.pages;
    total.leaves += part.leaves;
    from = part.next;
    await breathe();
  }
  return total;
}

const isShort = ({ pages }: MovedRun): boolean => pages < extentPages;

const isBefore = (a: ItemKey, b: ItemKey): boolean =>
  a.inode !== b.inode ? a.inode < b.inode : a.kind !== b.kind ? a.kind < b.kind : a.offset < b.offset;
