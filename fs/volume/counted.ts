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
  /** Nodes in memory, how many there may be, and how often one was not there. */
  readonly nodes: number;
  readonly mostNodes: number;
  readonly nodeMisses: number;
  readonly dirtyNodes: number;
  /** Places that can be written to now; of all. */
  readonly freePlaces: number;
  readonly places: number;
  /** Read through addresses since the volume was opened: nodes and pages of files. */
  readonly bytesRead: number;
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
    nodes: cache.size,
    mostNodes: cache.budget,
    nodeMisses: cache.misses,
    dirtyNodes: cache.dirty,
    freePlaces: table.reusablePlaces,
    places: geometry.places,
    bytesRead: log.pagesRead * pageSize,
    bytesWritten: pages * pageSize + journal.bytesWritten,
  };
}
