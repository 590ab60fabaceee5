/** Everything that an open volume has counted so far, put together from its parts: for `varve info` and for tests. */
import { pageSize } from '../units.js';
import type { VolumeCounters, VolumeState } from './state.js';

export interface Counted extends VolumeCounters {
  readonly splits: number;
  readonly merges: number;
  readonly freedNodes: number;
  readonly height: number;
  /** How often the log has gone round its places. */
  readonly wraps: number;
  /** Pages that the cleaner moved. */
  readonly moved: number;
  /** Those of them that were nodes of the file tree. */
  readonly movedNodes: number;
  readonly dirtyNodes: number;
  /** Handed to the store since the volume was opened, by whatever part of it. */
  readonly bytesWritten: number;
}

export function counted({ counters, main, system, table, geometry, mover, cache, log, journal }: VolumeState): Counted {
  const pages = log.pagesWritten + log.prewriter.pagesWritten + counters.checkpointPages;
  return {
    ...counters,
    splits: main.counters.splits + system.counters.splits,
    merges: main.counters.merges + system.counters.merges,
    freedNodes: main.counters.freed + system.counters.freed,
    height: main.height,
    wraps: table.taken / geometry.places,
    moved: mover.moved,
    movedNodes: mover.movedNodes,
    dirtyNodes: cache.dirty,
    bytesWritten: pages * pageSize + journal.bytesWritten,
  };
}
