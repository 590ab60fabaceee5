/** What the space of a volume is used for, in pages: the parts add up to the capacity. */
import { segmentPages } from '../format/geometry.js';
import { placeState } from '../format/segment-table.js';
import { rootUsage } from './snapshot-usage.js';
import type { VolumeState } from './state.js';

export interface SpaceByCause {
  readonly capacity: number;
  /** Pages of files in the live tree. */
  readonly data: number;
  /** Nodes of the live tree and of the volume's own. */
  readonly metadata: number;
  /** What the live tree has not: snapshots, branches, and what deleted ones have not given back yet. */
  readonly snapshots: number;
  /** What only roots of the history have. */
  readonly history: number;
  /** Promised by fallocate, or written and not yet flushed. */
  readonly promised: number;
  /** Kept for copies of nodes that a snapshot shares. */
  readonly copies: number;
  readonly free: number;
  /** Of the free ones, those between live pages: the cleaner must move these first. */
  readonly scattered: number;
  /** Besides: what ordinary writes may not fill. */
  readonly reserve: number;
}

/** May read the system tree. Rejects with EIO, EUCLEAN. */
export async function spaceByCause(state: VolumeState): Promise<SpaceByCause> {
  const { history } = await rootUsage(state);
  const { space, table, geometry, main, system, mainPages, cache } = state;
  const perSegment = segmentPages(geometry) - 1;
  const metadata = (main.nodes + system.nodes) * space.perNode;
  const used = table.livePages - space.deferred + cache.dirty * space.perNode;
  const promised = space.promised + space.reserved;
  const copies = space.copiesOf(space.held);
  let scattered = 0;
  for (let place = 0; place < geometry.places; place++)
    if (table.state[place] === placeState.sealed) scattered += Math.max(0, perSegment - table.live[place]);
  const free = Math.max(0, space.capacity - used - promised - copies);
  return {
    capacity: space.capacity,
    data: mainPages,
    metadata,
    snapshots: used - mainPages - metadata - history,
    history,
    promised,
    copies,
    free,
    scattered: Math.min(scattered, free),
    reserve: geometry.reservedSegments * perSegment,
  };
}
