/**
 * What must be settled before a checkpoint freezes, as only the trees are written. Released pages that the cleaner had
 * moved: their relocation entries end, and they die where they lie now. Runs that were dropped while a snapshot holds
 * them go into chunks.
 */
import type { MovedRun } from '../cleaner/relocation-map.js';
import { CorruptionError } from '../errors.js';
import type { DroppedRuns } from './dropped-runs.js';
import type { VolumeState } from './state.js';

/** Restartable, and done piece by piece: what is settled stays so when a later piece throws Suspend. */
export function settleReleases(state: VolumeState): void {
  const { log, dropped } = state;
  while (log.deferred.length > 0) {
    const last = log.deferred[log.deferred.length - 1];
    const pieces = release(state, last.address, last.pages);
    log.deferred.pop();
    state.space.deferred -= last.pages;
    for (const piece of pieces) die(state, piece);
  }
  noteDropped(state, dropped, state.rootId);
  for (const side of state.sideLines) {
    side.dropped.next = dropped.next;
    noteDropped(state, side.dropped, side.id);
    dropped.next = side.dropped.next;
  }
}

/** What a line has dropped goes into chunks. */
function noteDropped({ system }: VolumeState, dropped: DroppedRuns, line: number): void {
  if (dropped.waiting.length === 0) return;
  const chunks = dropped.chunks(line);
  system.prepare(chunks);
  system.change(chunks);
  dropped.written();
}

/** Take the pages out of the relocation map; returns where they lay. May throw Suspend before it changes anything. */
function release(state: VolumeState, address: number, pages: number): MovedRun[] {
  const { map, system } = state;
  const pieces: MovedRun[] = [];
  let covered = 0;
  for (const entry of map.overlapping(address, pages)) {
    const from = Math.max(address, entry.address);
    const to = Math.min(address + pages, entry.address + entry.pages);
    pieces.push({ address: from, pages: to - from, target: entry.target + (from - entry.address) });
    covered += to - from;
    if (from === entry.address && to === entry.address + entry.pages) state.counters.relocationsDied++;
  }
  if (covered !== pages)
    throw new CorruptionError('release', `address ${address}`, `${pages - covered} of ${pages} pages lie nowhere`);
  const items = map.cut(address, pages);
  system.prepare(items);
  system.change(items);
  return pieces;
}

function die(state: VolumeState, piece: MovedRun): void {
  const { table, log } = state;
  const place = table.placeOf(Math.floor(piece.target / log.perSegment));
  if (place < 0) throw new CorruptionError('relocation', `address ${piece.address}`, 'its target leads to no segment');
  table.clearLive(place, piece.target % log.perSegment, piece.pages, log.generation);
}
