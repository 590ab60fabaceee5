/** What the parts of an open volume share: the log, the trees, space, and whether it may still be written. */
import type { Mover } from '../cleaner/mover.js';
import type { RelocationMap } from '../cleaner/relocation-map.js';
import { asDamage, CorruptionError, FsError } from '../errors.js';
import type { Geometry } from '../format/geometry.js';
import type { Journal } from '../log/journal.js';
import type { Log } from '../log/log.js';
import type { SegmentTable } from '../log/segment-table.js';
import type { TableMap } from '../log/table-pages.js';
import type { Store } from '../store/store.js';
import type { NodeCache } from '../tree/node-cache.js';
import type { Tree } from '../tree/tree.js';
import type { Generation, InodeNumber } from '../units.js';
import type { DroppedRuns } from './dropped-runs.js';
import type { KeptRoots } from './kept-roots.js';
import type { SideTree } from './side-tree.js';
import type { Space } from './space.js';
import type { OpenSuperblock } from './superblock.js';
import type { UsageSums } from './usage.js';

/** Counts since the volume was opened, for tests that must have seen it happen, `varve info` and `varve top`. */
export interface VolumeCounters {
  checkpoints: number;
  records: number;
  barriers: number;
  recoveredRecords: number;
  recoveredBatches: number;
  backgroundCleanings: number;
  foregroundCleanings: number;
  /** Cleanings that ran while an fsync was waiting for its barrier. */
  cleaningsDuringSync: number;
  noSpace: number;
  /** Pages of files appended to the log, without those that the cleaner moved. */
  filePages: number;
  /** Pages of the segment table and of checkpoint slots. */
  checkpointPages: number;
  /** Relocation entries that went because their pages died. */
  relocationsDied: number;
}

export const zeroCounters = (): VolumeCounters => ({
  checkpoints: 0,
  records: 0,
  barriers: 0,
  recoveredRecords: 0,
  recoveredBatches: 0,
  backgroundCleanings: 0,
  foregroundCleanings: 0,
  cleaningsDuringSync: 0,
  noSpace: 0,
  filePages: 0,
  checkpointPages: 0,
  relocationsDied: 0,
});

export interface VolumeState {
  readonly store: Store;
  readonly superblock: OpenSuperblock;
  readonly geometry: Geometry;
  readonly table: SegmentTable;
  readonly log: Log;
  readonly journal: Journal;
  readonly cache: NodeCache;
  readonly main: Tree;
  readonly system: Tree;
  readonly map: RelocationMap;
  readonly mover: Mover;
  readonly space: Space;
  readonly counters: VolumeCounters;
  readonly epoch: number;
  nextInode: InodeNumber;
  inodes: number;
  /** Data pages of the live tree. */
  mainPages: number;
  /** What users, groups and projects use of it. */
  readonly usage: UsageSums;
  /** Generation of the snapshot that the live root follows: pages born at or before it are held. 0: there is none. */
  newestSnapshot: Generation;
  /** Id of that snapshot. */
  newestRoot: number;
  nextRoot: number;
  /** Id of the line that the live root is the end of. */
  rootId: number;
  /** Name of that line; the first one has none. */
  lineName: string;
  roots: KeptRoots;
  readonly dropped: DroppedRuns;
  /** Lines that are written beside the live one. */
  readonly sideLines: Set<SideTree>;
  /** Which copy of each table page is current. */
  tableMap: TableMap;
  /** Slot that the next checkpoint goes to. */
  slot: number;
  /** Something changed that no checkpoint holds. */
  changed: boolean;
  /** The checkpoint under way; it may fail. */
  committing: Promise<void> | undefined;
  /** Why the volume can't be written any more. */
  failure: unknown;
  fail(error: unknown): void;
}

/** Releases and sums that wait for a commit and are counted as one dirty node: each may dirty a leaf, mostly they share one. */
const waitingPerLeaf = 8;

/** About how many nodes the next commit will write: those that are dirty, and those that what waits for it will dirty. */
export function nodesDue({ cache, log, dropped, usage }: VolumeState): number {
  const waiting = log.deferred.length + dropped.waiting.length + usage.waiting;
  return waiting === 0 ? cache.dirty : cache.dirty + Math.ceil(waiting / waitingPerLeaf);
}

/**
 * A barrier of the store. No page that the journal wrote before it is written again. One that succeeds after another
 * one has failed, or a write, says nothing: the host may have dropped what that one should have made durable.
 */
export function barrier(state: VolumeState): Promise<void> | undefined {
  mustWork(state, 'barrier');
  state.journal.seal();
  state.counters.barriers++;
  return state.store.barrier()?.then(
    () => mustWork(state, 'barrier'),
    (e) => {
      state.fail(e);
      throw e;
    },
  );
}

/**
 * What work in the background, or of the cleaner, ended with; returned as the damage that it may be. Damage may have been
 * met half way: what is in memory then must never reach the disk. A read that failed has changed nothing.
 */
export function metBy(state: VolumeState, error: unknown, record: string): unknown {
  const failure = asDamage(error, record);
  if (failure instanceof CorruptionError) state.fail(failure);
  return failure;
}

/** Throw EIO if the store has failed: nothing may be promised any more. */
export function mustWork(state: VolumeState, operation: string): void {
  if (state.failure !== undefined) {
    throw new FsError(
      'EIO',
      operation,
      undefined,
      `the volume failed: ${state.failure instanceof Error ? state.failure.message : String(state.failure)}`,
    );
  }
}
