/**
 * Segments that were being filled with data when the volume crashed get the summary that they lack, on their last page,
 * which a head never gives to anything else. Every segment in use can then be found by what lies in it, without the
 * segment table.
 *
 * Nodes and moved pages need nothing: what a checkpoint reaches of them is described.
 *
 * Crash safety: the page belongs to no file, and whoever replays the same journal again writes it again.
 */
import { FsError } from '../errors.js';
import type { HeadPosition } from '../format/checkpoint.js';
import { placeOffset } from '../format/geometry.js';
import { runKind } from '../format/segment-summary.js';
import { placeState } from '../format/segment-table.js';
import { headKind } from '../log/segment-table.js';
import { summaryAt, summaryPage } from '../log/summary-page.js';
import { type Place, pageSize } from '../units.js';
import type { VolumeState } from './state.js';

/**
 * `places`: those where data may lie that no summary describes; `dataHead`: where the checkpoint before the crash left
 * that head, undefined if its position can't be relied on. Throws the store's
 * errors of writing.
 */
export async function describeCrashed(
  { store, geometry, table, log }: VolumeState,
  places: Iterable<Place>,
  dataHead: HeadPosition | undefined,
): Promise<void> {
  const page = table.pagesPerSegment - 1;
  const bytes = new Uint8Array((page + 1) * pageSize);
  const isDescribed = async (place: Place): Promise<boolean> => {
    try {
      await log.readPlace(place, page, 1, bytes.subarray(page * pageSize));
    } catch (e) {
      if (e instanceof FsError && e.code === 'EIO') return false;
      throw e;
    }
    return summaryAt(bytes, page, table.serial[place], geometry) !== undefined;
  };
  for (const place of places) {
    const serial = table.serial[place];
    if (table.state[place] !== placeState.sealed || table.head[place] !== headKind.data || table.live[place] === 0)
      continue;
    if (await isDescribed(place)) continue;
    const first = dataHead?.serial === serial ? Math.min(dataHead.described, page) : 0;
    const run = { kind: runKind.data, inode: 0, offset: 0, pages: page - first, address: serial * (page + 1) + first };
    const runs = run.pages === 0 ? [] : [run];
    const summary = summaryPage(geometry, { serial, generation: log.generation, page, first }, runs);
    await store.write(placeOffset(geometry, place, page), [summary]);
  }
}
