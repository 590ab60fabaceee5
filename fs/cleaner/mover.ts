/**
 * Moves the live pages of a victim segment to the cold head, as they are stored and without touching the trees
 * that refer to them: the relocation map learns where they went. Nodes of the system tree, which holds that map,
 * are made dirty instead, so that the next commit writes them elsewhere.
 *
 * Crash safety: the move becomes real with the next checkpoint, in which map, live bits and segment table change
 * together; until the checkpoint after that, the victim's place is not reused. Nothing is journalled.
 */
import { FsError } from '../errors.js';
import { placeState } from '../format/segment-table.js';
import type { Log } from '../log/log.js';
import { run } from '../suspend.js';
import type { Delete, Put } from '../tree/batch.js';
import type { Tree } from '../tree/tree.js';
import { type Address, type Place, pageSize } from '../units.js';
import { type LiveRun, liveRuns } from './live-runs.js';
import { type MovedRun, put, type RelocationMap, remove } from './relocation-map.js';

/** Pages [page, page + moved.pages) of the victim, and where they went. */
interface Piece {
  readonly page: number;
  readonly moved: MovedRun;
  readonly isNode: boolean;
}

export class Mover {
  /** Pages moved since the volume was opened. */
  moved = 0;
  /** Those of them that were nodes of the file tree. */
  movedNodes = 0;
  /** A segment; made when the first one is emptied. */
  private buffer = new Uint8Array(0);

  constructor(
    private readonly log: Log,
    private readonly system: Tree,
    private readonly map: RelocationMap,
  ) {}

  /**
   * Empty a sealed segment. Returns the pages moved; false when it was left alone: it changed meanwhile, or it can't be
   * emptied, and is then no victim any more.
   */
  async clean(place: Place): Promise<number | false> {
    const { table } = this.log;
    const serial = table.serial[place];
    const intact = () => table.serial[place] === serial && table.state[place] === placeState.sealed;
    if (this.buffer.length === 0) this.buffer = new Uint8Array(this.log.perSegment * pageSize);
    const readable = await this.read(place);
    if (!intact()) return false;
    const runs = readable ? liveRuns(table, place, this.buffer) : undefined;
    if (runs === undefined) {
      table.stuck.add(place);
      return false;
    }
    const pins: Place[] = [];
    try {
      const pieces = this.append(runs, pins);
      await this.log.landed();
      const moved = await run(() => (intact() ? this.install(place, runs, pieces) : false));
      if (moved !== false) this.moved += moved;
      return moved;
    } finally {
      for (const pinned of pins) table.pinned.delete(pinned);
    }
  }

  /** Fill the buffer; false if the store can't. */
  private async read(place: Place): Promise<boolean> {
    try {
      await this.log.readPlace(place, 0, this.log.perSegment, this.buffer);
      return true;
    } catch (e) {
      if (e instanceof FsError && e.code === 'EIO') return false;
      throw e;
    }
  }

  /** Append all but the system tree's nodes to the cold head; the pieces in order, a run cut where a segment ends. */
  private append(runs: readonly LiveRun[], pins: Place[]): Piece[] {
    const { cold, table } = this.log;
    const pieces: Piece[] = [];
    for (const r of runs) {
      if (r.system) continue;
      for (let done = 0; done < r.pages; ) {
        const from = (r.page + done) * pageSize;
        const bytes = this.buffer.slice(from, from + (r.pages - done) * pageSize);
        const isNode = r.level !== undefined;
        const meaning = { ...r, address: r.address + done, offset: isNode ? r.offset : r.offset + done };
        const count = cold.append(bytes, r.pages - done, 1, meaning, undefined);
        if (!table.pinned.has(cold.place)) {
          table.pinned.add(cold.place);
          pins.push(cold.place);
        }
        pieces.push({
          page: r.page + done,
          moved: { address: r.address + done, pages: count, target: cold.appended },
          isNode,
        });
        done += count;
      }
    }
    cold.flush();
    return pieces;
  }

  /** Make the move real in memory, for the pages that are still live. False if the victim can't be emptied. May throw Suspend first. */
  private install(place: Place, runs: readonly LiveRun[], pieces: readonly Piece[]): number | false {
    const { log, system } = this;
    const { table, perSegment } = log;
    const live = this.stillLive(place, pieces);
    const old = new Map<Address, Delete>();
    for (const { moved } of live) {
      // Moved a second time: the old entries go whole, as all their live pages lie here.
      if (Math.floor(moved.address / perSegment) === table.serial[place]) continue;
      for (const run of this.map.overlapping(moved.address, moved.pages)) old.set(run.address, remove(run.address));
    }
    const entries = joined(live, perSegment);
    for (const { address } of entries) old.delete(address);
    const items: (Put | Delete)[] = [...old.values(), ...entries.map(put)];
    system.prepare(items);
    const nodes = runs.filter((r) => r.system && table.isLive(place, r.page));
    for (const r of nodes) system.require(r.inode, r.itemKind ?? 1, r.offset);
    for (const r of nodes) system.rewrite(r.inode, r.itemKind ?? 1, r.offset, r.level ?? 0);
    if (nodes.some((r) => table.isLive(place, r.page))) {
      table.stuck.add(place);
      return false;
    }
    system.change(items);
    let count = 0;
    for (const { page, moved, isNode } of live) {
      table.clearLive(place, page, moved.pages, log.generation);
      const target = table.placeOf(Math.floor(moved.target / perSegment));
      table.setLive(target as Place, moved.target % perSegment, moved.pages);
      count += moved.pages;
      if (isNode) this.movedNodes += moved.pages;
    }
    return count;
  }

  /** The pieces cut down to pages that nobody has released meanwhile. */
  private stillLive(place: Place, pieces: readonly Piece[]): Piece[] {
    const { table } = this.log;
    const live: Piece[] = [];
    for (const { page, moved, isNode } of pieces) {
      for (let i = 0; i < moved.pages; ) {
        let end = i;
        while (end < moved.pages && table.isLive(place, page + end)) end++;
        if (end > i) {
          live.push({
            page: page + i,
            moved: { address: moved.address + i, pages: end - i, target: moved.target + i },
            isNode,
          });
        }
        i = end + 1;
      }
    }
    return live;
  }
}

/** One entry for what follows each other under its addresses as it does where it went, within a segment of each. */
function joined(pieces: readonly Piece[], perSegment: number): MovedRun[] {
  const entries: MovedRun[] = [];
  for (const { moved } of pieces) {
    const last = entries.at(-1);
    const goesOn =
      last !== undefined &&
      moved.address === last.address + last.pages &&
      moved.target === last.target + last.pages &&
      moved.address % perSegment !== 0 &&
      moved.target % perSegment !== 0;
    if (goesOn) entries[entries.length - 1] = { ...last, pages: last.pages + moved.pages };
    else entries.push(moved);
  }
  return entries;
}
