/** Puts the parts of a volume together, for an existing image or a new one. */
import { randomBytes } from 'node:crypto';
import { Mover } from '../cleaner/mover.js';
import { RelocationMap } from '../cleaner/relocation-map.js';
import { CorruptionError, FsError, VolumeError } from '../errors.js';
import { type Geometry, nodeBytes } from '../format/geometry.js';
import { Journal } from '../log/journal.js';
import { Log } from '../log/log.js';
import { headKind, SegmentTable } from '../log/segment-table.js';
import { emptyMap, loadTable } from '../log/table-pages.js';
import type { Store } from '../store/store.js';
import { NodeCache } from '../tree/node-cache.js';
import type { TreeOwner } from '../tree/owner.js';
import { Tree, treeId } from '../tree/tree.js';
import { rootInode } from '../units.js';
import { releaseNode } from './apply.js';
import type { FoundCheckpoint } from './checkpoint-slots.js';
import { DroppedRuns } from './dropped-runs.js';
import { KeptRoots } from './kept-roots.js';
import { Space } from './space.js';
import { type VolumeState, zeroCounters } from './state.js';
import type { OpenSuperblock } from './superblock.js';
import { UsageSums } from './usage.js';

/** Beyond this there is no room to go on: addresses are whole numbers below 2^53. */
const endOfAddresses = 2 ** 50;

const defaultCacheBytes = 64 * 2 ** 20;

/** An image's parts in the state of a checkpoint, or (without one) of a volume that holds nothing yet. */
export async function assemble(
  store: Store,
  superblock: OpenSuperblock,
  found: FoundCheckpoint | undefined,
  options: {
    readonly cacheBytes?: number | undefined;
    readonly epoch: number;
    readonly onFailure?: ((failure: unknown) => void) | undefined;
  },
): Promise<VolumeState> {
  const geometry: Geometry = superblock;
  const table = new SegmentTable(geometry);
  const tableMap = found?.map ?? emptyMap(geometry);
  await loadTable(store, table, tableMap, found?.checkpoint.generation ?? 0);
  const made: { state?: VolumeState } = {};
  const failed = (error: unknown) => made.state?.fail(error);
  const log = new Log(store, table, {
    opened: (head, place, serial) => {
      if (head === headKind.data) made.state?.journal.noteOpened(place, serial);
    },
    failed,
  });
  const budget = Math.max(64, Math.floor((options.cacheBytes ?? defaultCacheBytes) / nodeBytes(geometry)));
  const cache = new NodeCache(log, nodeBytes(geometry), budget, failed, geometry.sealer);
  const space = new Space(geometry, table, () => cache.dirty);
  const journal = new Journal(store, table, options.epoch, Math.floor(space.commitPlaces / 2));
  const owner = (releaseNode: TreeOwner['releaseNode']): TreeOwner => ({
    get generation() {
      return log.generation;
    },
    releaseNode,
  });
  const usage = new UsageSums();
  const mainOwner = Object.assign(
    owner((address, pages, birth) => releaseNode(made.state as VolumeState, address, pages, birth)),
    { itemChanges: usage.itemChanges },
  );
  // No snapshot holds nodes of the system tree, and the cleaner never moves them.
  const systemOwner = owner((address, pages) => log.release(address, pages));
  const cp = found?.checkpoint;
  if (cp !== undefined) {
    log.generation = cp.generation + 1;
    table.nextSerial = Math.max(table.nextSerial, cp.nextSerial);
    if (table.nextSerial * log.perSegment > endOfAddresses)
      throw new CorruptionError('checkpoint', `generation ${cp.generation}`, `next serial ${table.nextSerial}`);
    space.promised = cp.promisedPages;
    space.held = cp.heldNodes;
    if (cp.clean === 1) {
      log.node.resume(cp.nodeHead);
      log.data.resume(cp.dataHead);
      log.cold.resume(cp.coldHead);
    }
  }
  const main = new Tree(
    cache,
    mainOwner,
    treeId.main,
    cp?.rootId ?? 1,
    cp && { pointer: cp.mainRoot, height: cp.mainHeight, nodes: cp.mainNodes },
  );
  const system = new Tree(
    cache,
    systemOwner,
    treeId.system,
    0,
    cp && { pointer: cp.systemRoot, height: cp.systemHeight, nodes: cp.systemNodes },
  );
  const map = new RelocationMap(system);
  log.relocations = map;
  const state: VolumeState = {
    store,
    superblock,
    geometry,
    table,
    log,
    journal,
    cache,
    main,
    system,
    map,
    mover: new Mover(log, system, map),
    space,
    counters: zeroCounters(),
    epoch: options.epoch,
    nextInode: cp?.nextInode ?? rootInode + 1,
    inodes: cp?.inodes ?? 0,
    mainPages: cp?.mainPages ?? 0,
    usage,
    newestSnapshot: cp?.newestSnapshot ?? 0,
    newestRoot: cp?.newestRoot ?? 0,
    nextRoot: cp?.nextRoot ?? 2,
    rootId: cp?.rootId ?? 1,
    lineName: cp?.lineName ?? '',
    roots: new KeptRoots(),
    dropped: new DroppedRuns(cp?.nextDropped ?? 1),
    sideLines: new Set(),
    tableMap,
    slot: cp === undefined ? 0 : 1 - cp.slot,
    changed: false,
    committing: undefined,
    failure: undefined,
    fail(error) {
      if (this.failure !== undefined) return;
      this.failure = error;
      options.onFailure?.(error);
    },
  };
  made.state = state;
  return state;
}

/** A random number below 2^53. */
export function randomEpoch(): number {
  const random = randomBytes(8);
  return random.readUInt32LE(0) + (random.readUInt32LE(4) % 2 ** 21) * 2 ** 32;
}

/** Damage that is met while a volume is opened, said to a person. */
export async function orCorrupt<T>(store: Store, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (e) {
    if (e instanceof FsError && e.code === 'EUCLEAN')
      throw new VolumeError('corrupt', `${store.name}: ${e.message}; run fsck.varve`);
    throw e;
  }
}
