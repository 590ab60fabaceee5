/**
 * Growing a volume in use. What was planned for its size, checkpoint slots and segment table, gets new places in the
 * part of the image that is new, and the places of segments go on behind the old ones.
 *
 * One checkpoint does it: when its generation is frozen the geometry changes in memory, so its table pages and its slot
 * are written where the new geometry has them. The superblock follows, first the copy at the new end, then the first.
 *
 * Crash safety: until the first superblock is written the old one counts, with the old slots and table, of which nothing
 * was touched; the journal goes on from either. New places are handed out only when the new superblock is durable, so no
 * record names a place that the old geometry does not have. If the first superblock is torn, the copy at the end of the
 * image is the new one, durable by then.
 */
import { VolumeError } from '../errors.js';
import { type Geometry, planGrowth, tablePages } from '../format/geometry.js';
import { pageSize } from '../units.js';
import type { Checkpoints } from './checkpoints.js';
import type { VolumeState } from './state.js';
import { writeSuperblockDurably } from './superblock.js';

/**
 * Grow to `bytes`, rounded down to pages. Throws VolumeError 'usage' when that is not larger, or too little to win a
 * place; VolumeError or FsError when the image can't grow. Durable when it resolves.
 */
export async function grow(state: VolumeState, checkpoints: Checkpoints, bytes: number): Promise<void> {
  const { superblock, store, table, space } = state;
  if (Math.floor(bytes / pageSize) <= superblock.imagePages)
    throw new VolumeError('usage', `the volume has ${superblock.imagePages * pageSize} bytes: it can only grow`);
  const planned = plan(superblock, bytes);
  if (store.size < bytes) {
    if (store.grow === undefined) throw new VolumeError('usage', `${store.name} can't grow`);
    await store.grow(bytes);
    // A crash must not find a superblock that promises more than the file has.
    await store.barrier();
  }
  let fresh: number[] = [];
  await checkpoints.switchTo({
    freeze: () => {
      Object.assign(superblock, planned);
      state.tableMap = new Uint8Array(tablePages(planned));
      fresh = table.grown();
      space.fit(planned);
    },
    persist: () => writeSuperblockDurably(store, superblock),
  });
  table.reuseLast(fresh);
  // The other slot gets a checkpoint too.
  await checkpoints.checkpoint();
}

function plan(superblock: Geometry, bytes: number): Geometry {
  try {
    // Of the superblock only what is geometry: the rest may change while this waits.
    return geometryOf(planGrowth(superblock, bytes));
  } catch (e) {
    if (e instanceof RangeError) throw new VolumeError('usage', e.message);
    throw e;
  }
}

const geometryOf = (g: Geometry): Geometry => ({
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
