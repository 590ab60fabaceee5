/**
 * Giving all free places back to the host, also those that were freed while nobody did, or are kept as quick to write
 * again. Serves `varve trim`. A place is out of reach of the heads while it is being discarded; a few always stay in
 * reach, so on a volume with hardly a free place nothing is done.
 */
import { placeOffset, segmentPages } from '../format/geometry.js';
import { type Place, pageSize } from '../units.js';
import type { Checkpoints } from './checkpoints.js';
import { mustWork, type VolumeState } from './state.js';

/** Places at a time; the others stay for writers. */
const atOnce = 64;

/** Returns the bytes that the host was told of. Throws EIO when the volume has failed. */
export async function trim(
  state: VolumeState,
  checkpoints: Checkpoints,
  breathe: () => Promise<void>,
): Promise<number> {
  const { table, geometry, store, space, log } = state;
  // What was freed may be reused after the second checkpoint.
  await checkpoints.checkpoint();
  await checkpoints.checkpoint();
  const bytes = segmentPages(geometry) * pageSize;
  let given = 0;
  for (let left = table.reusablePlaces; left > 0; ) {
    mustWork(state, 'trim');
    const places = table.lend(Math.min(atOnce, left), space.cleaningPlaces);
    if (places.length === 0) break;
    try {
      for (const [first, count] of runsOf(places)) {
        for (let place = first; place < first + count; place++) log.prewriter.discarded(place);
        await store.discard(placeOffset(geometry, first, 0), count * bytes);
        given += count * bytes;
      }
    } finally {
      table.reuse(places);
    }
    left -= places.length;
    await breathe();
  }
  return given;
}

/** Places that follow each other in the image: first, and how many. */
function runsOf(places: readonly Place[]): [Place, number][] {
  const runs: [Place, number][] = [];
  for (const place of places.toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === place) last[1]++;
    else runs.push([place, 1]);
  }
  return runs;
}
