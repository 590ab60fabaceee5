/**
 * Moves the live pages of a victim segment to the cold head, as they are stored and without touching the trees
 * that refer to them: the relocation map learns where they went. Nodes of the system tree, which holds that map,
 * are made dirty instead, so that the next commit writes them elsewhere.
 *
 * Crash safety: the move becomes real with the next checkpoint, in which map, live bits and segment table change
 * together; until the checkpoint after that, the victim's place is not reused. Nothing is journalled.
 */
import { selfChecksum } from '../format/checksum.js';
import { runKind, Summary, SummaryRun, summaryMagic } from '../format/segment-summary.js';
import { placeState } from '../format/segment-table.js';
import type { RunMeaning } from '../log/head.js';
import type { Log } from '../log/log.js';
import { run } from '../suspend.js';
import type { Delete, Put } from '../tree/batch.js';
import type { Tree } from '../tree/tree.js';
import { type Address, type Place, pageSize } from '../units.js';
import { type MovedRun, put, type RelocationMap, remove } from './relocation-map.js';

/** Consecutive live pages of the victim with one meaning. */
interface LiveRun extends RunMeaning {
  readonly page: number;
  readonly pages: number;
  readonly address: Address;
  readonly system: boolean;
}

/** Pages [page, page + moved.pages) of the victim, and where they went. */
interface Piece {
  readonly page: number;
  readonly moved: MovedRun;
}

export class Mover {
  /** Pages moved since the volume was opened. */
  moved = 0;
  private readonly buffer: Uint8Array;

  constructor(
    private readonly log: Log,
    private readonly system: Tree,
    private readonly map: RelocationMap,
  ) {
    this.buffer = new Uint8Array(log.perSegment * pageSize);
  }

  /** Empty a sealed segment. Returns the pages moved; false when it changed meanwhile and was left alone. */
  async clean(place: Place): Promise<number | false> {
    const { table } = this.log;
    const serial = table.serial[place];
    await this.log.readPlace(place, 0, this.log.perSegment, this.buffer);
    const intact = () => table.serial[place] === serial && table.state[place] === placeState.sealed;
    if (!intact()) return false;
    const runs = this.liveRuns(place, serial);
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

  /** What the victim's live pages are, from its summaries. Pages that no summary describes are what their address says. */
  private liveRuns(place: Place, serial: number): LiveRun[] {
    const { table, perSegment } = this.log;
    const base = serial * perSegment;
    const found: LiveRun[] = [];
    let undescribed = 0;
    const take = (first: number, pages: number, meaning: RunMeaning | undefined) => {
      for (let p = first; p < first + pages; p++) {
        if (!table.isLive(place, p)) continue;
        let end = p + 1;
        while (end < first + pages && table.isLive(place, end)) end++;
        found.push({
          page: p,
          pages: end - p,
          system: meaning?.kind === runKind.systemNode,
          kind: meaning?.kind ?? runKind.data,
          inode: meaning?.inode ?? 0,
          offset:
            meaning === undefined || meaning.level !== undefined ? (meaning?.offset ?? 0) : meaning.offset + p - first,
          address: (meaning?.address ?? base + first) + p - first,
          ...(meaning?.level === undefined ? {} : { level: meaning.level, itemKind: meaning.itemKind ?? 0 }),
        });
        p = end;
      }
    };
    for (let page = 0; page < perSegment; page++) {
      if (table.isLive(place, page)) continue;
      const summary = this.summaryAt(page, serial);
      if (summary === undefined) continue;
      take(undescribed, summary.first - undescribed, undefined);
      let at = summary.first;
      for (const r of summary.runs) {
        take(at, r.pages, r);
        at += r.pages;
      }
      undescribed = page + 1;
    }
    take(undescribed, perSegment - undescribed, undefined);
    return found;
  }

  private summaryAt(
    page: number,
    serial: number,
  ): { first: number; runs: (RunMeaning & { pages: number })[] } | undefined {
    const bytes = this.buffer.subarray(page * pageSize, (page + 1) * pageSize);
    const view = new DataView(bytes.buffer, bytes.byteOffset, pageSize);
    if (view.getUint32(0, true) !== summaryMagic) return undefined;
    const head = Summary.read(view, 0);
    const most = Math.floor((pageSize - Summary.size) / SummaryRun.size);
    if (head.serial !== serial || head.page !== page || head.first > page || head.runs > most) return undefined;
    if (head.checksum !== selfChecksum(bytes, Summary.offsetOf.checksum)) return undefined;
    const runs: (RunMeaning & { pages: number })[] = [];
    let pages = 0;
    for (let i = 0, at = Summary.size; i < head.runs; i++, at += SummaryRun.size) {
      const r = SummaryRun.read(view, at);
      const isNode = r.kind === runKind.node || r.kind === runKind.systemNode;
      pages += r.pages;
      runs.push({
        kind: r.kind,
        address: r.address,
        inode: r.inode,
        offset: r.offset,
        pages: r.pages,
        ...(isNode ? { level: r.level, itemKind: r.itemKind } : {}),
      });
    }
    return head.first + pages === page ? { first: head.first, runs } : undefined;
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
        pieces.push({ page: r.page + done, moved: { address: r.address + done, pages: count, target: cold.appended } });
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
    for (const { moved } of live) old.delete(moved.address);
    const items: (Put | Delete)[] = [...old.values(), ...live.map(({ moved }) => put(moved))];
    system.prepare(items);
    const nodes = runs.filter((r) => r.system && table.isLive(place, r.page));
    for (const r of nodes) system.require(r.inode, r.itemKind ?? 1, r.offset);
    for (const r of nodes) system.rewrite(r.inode, r.itemKind ?? 1, r.offset, r.level ?? 0);
    if (nodes.some((r) => table.isLive(place, r.page))) return false;
    system.change(items);
    let count = 0;
    for (const { page, moved } of live) {
      table.clearLive(place, page, moved.pages, log.generation);
      const target = table.placeOf(Math.floor(moved.target / perSegment));
      table.setLive(target as Place, moved.target % perSegment, moved.pages);
      count += moved.pages;
    }
    return count;
  }

  /** The pieces cut down to pages that nobody has released meanwhile. */
  private stillLive(place: Place, pieces: readonly Piece[]): Piece[] {
    const { table } = this.log;
    const live: Piece[] = [];
    for (const { page, moved } of pieces) {
      for (let i = 0; i < moved.pages; ) {
        let end = i;
        while (end < moved.pages && table.isLive(place, page + end)) end++;
        if (end > i) {
          live.push({
            page: page + i,
            moved: { address: moved.address + i, pages: end - i, target: moved.target + i },
          });
        }
        i = end + 1;
      }
    }
    return live;
  }
}
