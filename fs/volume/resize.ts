/**
 * Another size for a volume in use. Places stay where they are; there are more of them afterwards, or fewer. Checkpoint
 * slots and segment table, which are planned for a size, get new places behind the last one: in the part of the image
 * that is new, or in one that was emptied for it.
 *
 * One checkpoint does it: when its generation is frozen the geometry changes in memory, so its table pages and its slot
 * are written where the new geometry has them. The superblock follows, first the copy at the new end, then the first.
 *
 * Crash safety: until the first superblock is written the old one counts, with the old slots and table, of which nothing
 * was touched; the journal goes on from either. New places are handed out only when the new superblock is durable, so no
 * record names a place that the old geometry does not have. If the first superblock is torn, so that the copy in the
 * last page of the image is asked: an image that grew has the new one there, one that shrinks still its old end, with
 * the old superblock, which is as good as the new one until the next checkpoint.
 */
import { FsError, VolumeError } from '../errors.js';
import { capacityPages, type Layout, planResize } from '../format/geometry.js';
import { placeState } from '../format/segment-table.js';
import { emptyMap } from '../log/table-pages.js';
import { Batch } from '../tree/batch.js';
import { pageSize } from '../units.js';
import { clearSlot } from './checkpoint-slots.js';
import type { Checkpoints } from './checkpoints.js';
import type { Cleaning } from './cleaning.js';
import { mustWork, type VolumeState } from './state.js';
import { clearCopy, writeSuperblockDurably } from './superblock.js';

/** What resizing needs of a volume. */
export interface Resizable {
  readonly state: VolumeState;
  readonly checkpoints: Checkpoints;
  readonly cleaning: Cleaning;
  /** Make everything so far durable. */
  sync(): Promise<void>;
}

/** Rounds in a row that bring the end no closer, before giving up: by a part of a segment, or of what is left. */
const mostFruitless = 12;
const leastProgress = 1 / 4;
/**
 * Places to work in while others are emptied, besides those of the cleaner's reserve: fewer where rounds are fruitless,
 * as a volume that is all but full has no more of them, and none where nothing is left to be emptied.
 */
const spare = 6;
const leastSpare = 2;

/**
 * Grow or shrink to `bytes`, rounded down to pages. Throws VolumeError 'usage' when the size makes no sense or the files
 * need more; VolumeError or FsError when the image can't follow. Durable when it resolves; on a failure the volume has
 * its old size, and goes on.
 */
export async function resize(volume: Resizable, bytes: number): Promise<void> {
  const { superblock } = volume.state;
  const pages = Math.floor(bytes / pageSize);
  if (pages === superblock.imagePages)
    throw new VolumeError('usage', `the volume has ${superblock.imagePages * pageSize} bytes already`);
  const planned = plan(superblock, pages * pageSize);
  if (pages > superblock.imagePages) await grow(volume, planned);
  else await shrink(volume, planned);
  // The other slot gets a checkpoint too.
  await volume.checkpoints.checkpoint();
}

async function grow({ state, checkpoints }: Resizable, planned: Layout): Promise<void> {
  const { store, table } = state;
  const bytes = planned.imagePages * pageSize;
  if (store.size < bytes) {
    await resizeStore(state, bytes);
    // A crash must not find a superblock that promises more than the file has.
    await store.barrier();
  }
  let fresh: number[] = [];
  await enter(state, checkpoints, planned, () => {
    fresh = table.grown();
  });
  table.reuseLast(fresh);
}

async function shrink(volume: Resizable, planned: Layout): Promise<void> {
  const { state, checkpoints } = volume;
  const { space, table, superblock } = state;
  const needed = space.capacity - space.available;
  if (capacityPages(planned) < needed)
    throw new VolumeError(
      'usage',
      `${planned.imagePages * pageSize} bytes hold ${capacityPages(planned) * pageSize}, the volume needs ${needed * pageSize}`,
    );
  const before = { ...superblock };
  // From here on writers get ENOSPC as in the smaller volume, and no place beyond its end.
  space.fit(planned);
  try {
    await vacate(volume, planned.places);
    await enter(state, checkpoints, planned, () => table.shrunk());
  } catch (e) {
    if (superblock.places === before.places) {
      table.withhold(Number.POSITIVE_INFINITY);
      space.fit(before);
    }
    if (e instanceof FsError && e.code === 'ENOSPC')
      throw new VolumeError(
        'usage',
        `there is not enough room before the new end to move what lies behind it; ${worksWith(state, planned)} bytes may do`,
      );
    throw e;
  }
  await resizeStore(state, planned.imagePages * pageSize);
}

/** A size in which there is room for work beside what is there, and for segments that are not full, in bytes. */
function worksWith({ space, table, log }: VolumeState, planned: Layout): number {
  const full = Math.ceil((1.05 * (space.capacity - space.available)) / (log.perSegment - 1));
  const places = full + space.cleaningPlaces + spare + log.heads.length;
  return (Math.max(places, planned.places + 1) * log.perSegment + table.geometry.segmentStart) * pageSize;
}

/**
 * Move all that lies in places from `target` on, until nothing needs them. From the end downwards, never more at a time
 * than leaves places enough for commits and the cleaner: what is free may all lie beyond the new end.
 */
async function vacate(volume: Resizable, target: number): Promise<void> {
  const { state, checkpoints } = volume;
  const { table, space } = state;
  await checkpoints.checkpoint();
  let best = Number.POSITIVE_INFINITY;
  for (let fruitless = 0; ; ) {
    mustWork(state, 'resize');
    const left = occupied(state, target);
    const work = left === 0 ? 0 : Math.max(leastSpare, spare - fruitless);
    const limit = Math.max(target, table.lowestLimit(space.cleaningPlaces + work));
    if (table.withhold(limit) && limit === target) return;
    fruitless = comesCloser(left, best, state.log.perSegment) ? 0 : fruitless + 1;
    if (fruitless === 0) best = left;
    if (fruitless > mostFruitless) throw new FsError('ENOSPC', 'resize');
    await emptyFrom(volume, limit, fruitless > 0 && limit > target ? work || spare : 0);
    state.changed = true;
    await checkpoints.checkpoint();
    await checkpoints.checkpoint();
  }
}

/**
 * Writers free a page now and then: to count that as progress could go on for ever. In places and pages left to do; where
 * there is nothing left, and too little is free before the new end, nothing comes closer either.
 */
export const comesCloser = (left: number, best: number, perSegment: number): boolean =>
  left < best && left <= best - leastProgress * Math.min(best, perSegment);

/** Places from `target` on that hold something, and live pages there: what is still to be done. */
function occupied({ table }: VolumeState, target: number): number {
  let left = 0;
  for (let place = target; place < table.state.length; place++)
    if (table.state[place] !== placeState.free) left += 1 + table.live[place];
  return left;
}

/** Empty the segments from `limit` on, as far as there is room; first try to win `places` by cleaning others. */
async function emptyFrom(volume: Resizable, limit: number, places: number): Promise<void> {
  const { state, checkpoints, cleaning } = volume;
  const { table, log, cache, space } = state;
  for (const head of log.heads) if (head.place >= limit) head.close();
  await leaveWithJournal(volume, limit);
  try {
    if (places > 0) await cleaning.makeRoom(table.reusablePlaces + places).catch(unlessFull);
    for (let place = table.state.length - 1; place >= limit; place--) {
      if (table.state[place] !== placeState.sealed || table.live[place] === 0) continue;
      await cleaning.evacuate(place);
      if (cache.dirty >= space.mostDirtyNodes / 2) await checkpoints.checkpoint();
    }
  } catch (e) {
    // What was freed so far may be written after the next checkpoints.
    unlessFull(e);
  }
}

function unlessFull(e: unknown): void {
  if (!(e instanceof FsError && e.code === 'ENOSPC')) throw e;
}

/** The journal goes on below `limit`: each segment that it leaves has a record, which names the next. */
async function leaveWithJournal({ state, sync }: Resizable, limit: number): Promise<void> {
  const { journal, log } = state;
  for (let round = 0; round < mostFruitless && journal.reaches(limit); round++) {
    if (journal.moveOn(log.generation)) continue;
    journal.add(new Batch(), log.generation, state.rootId);
    await sync();
  }
}

/** The checkpoint with which the geometry comes into force; `change`: what else changes in memory then. */
function enter(state: VolumeState, checkpoints: Checkpoints, planned: Layout, change: () => void): Promise<void> {
  const { superblock, store, space } = state;
  const oldEnd = (superblock.imagePages - 1) * pageSize;
  return checkpoints.switchTo({
    freeze: () => {
      Object.assign(superblock, planned);
      state.tableMap = emptyMap(planned);
      change();
      space.fit(planned);
    },
    persist: async () => {
      // Until the next checkpoint is written there: what lies in the other slot may have been one of another volume, or be
      // what somebody has written to a file.
      await clearSlot(store, superblock, state.slot);
      await writeSuperblockDurably(store, superblock);
      // Keys that are taken away later must not stay there; and on a device that keeps its size, the old copy would be
      // taken for the newest if the first superblock rotted. Nobody has that page before there are new places.
      await clearCopy(store, oldEnd);
    },
  });
}

async function resizeStore({ store }: VolumeState, bytes: number): Promise<void> {
  if (store.resize !== undefined) await store.resize(bytes);
  else if (store.size < bytes) throw new VolumeError('usage', `${store.name} can't grow`);
}

function plan(superblock: Layout, bytes: number): Layout {
  try {
    return geometryOf(planResize(superblock, bytes));
  } catch (e) {
    if (e instanceof RangeError) throw new VolumeError('usage', e.message);
    throw e;
  }
}

/** Of a superblock only what is geometry: the rest may change while this waits. */
const geometryOf = (g: Layout): Layout => ({
  segmentShift: g.segmentShift,
  nodeShift: g.nodeShift,
  imagePages: g.imagePages,
  places: g.places,
  checkpointStart: g.checkpointStart,
  checkpointPages: g.checkpointPages,
  reservedSegments: g.reservedSegments,
  tableStart: g.tableStart,
  indexPages: g.indexPages,
  livePages: g.livePages,
  segmentStart: g.segmentStart,
});
