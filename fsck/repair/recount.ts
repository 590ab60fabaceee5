/**
 * The step from a walk that reached everything to a volume that can be written: live bits and counters are taken
 * from the pointers that were found, whatever was recorded.
 */
import { indexEntriesPerPage, liveBytes, livePlacesPerPage } from '../../fs/format/geometry.js';
import { placeState, TablePage } from '../../fs/format/segment-table.js';
import type { SegmentTable } from '../../fs/log/segment-table.js';
import { type Generation, type Place, pageSize } from '../../fs/units.js';
import type { VolumeState } from '../../fs/volume/state.js';
import type { Survey } from '../check.js';
import type { Claims } from '../claims.js';
import { countBits } from '../segment-table.js';

/** Set all that follows from the pointers found. Places that turn out empty are free from the open generation on. */
export function recount(state: VolumeState, found: Survey): void {
  const { table, log } = state;
  const { files } = found;
  setLive(table, found.image.claims);
  settlePlaces(table, log.generation);
  table.index(found.checkpoint.generation);
  state.space.promised = files.extents.promised;
  state.inodes = files.inodes.length;
  state.mainPages = files.extents.stored;
  state.main.nodes = found.liveNodes;
  state.system.nodes = found.systemNodes;
  state.space.held = state.newestSnapshot > 0 ? found.liveNodes : 0;
  const { number } = files.inodes;
  const highest = number.length === 0 ? 0 : number.values[number.length - 1];
  state.nextInode = Math.max(state.nextInode, highest + 1);
  state.changed = true;
}

/** Make the live maps and counts what the claims say. */
export function setLive(table: SegmentTable, claims: Claims): void {
  const { geometry } = table;
  const size = liveBytes(geometry);
  const perPage = livePlacesPerPage(geometry);
  const none = new Uint8Array(size);
  for (let place: Place = 0; place < geometry.places; place++) {
    const page = Math.floor(place / perPage);
    const claimed = claims.ofPlace(place);
    if (claimed === undefined && table.maps[page] === undefined && table.live[place] === 0) continue;
    const wanted = claimed ?? none;
    const start = TablePage.size + (place % perPage) * size;
    const there = table.maps[page]?.subarray(start, start + size) ?? none;
    if (Buffer.compare(there, wanted) !== 0) {
      table.maps[page] ??= new Uint8Array(pageSize);
      table.maps[page].set(wanted, start);
      table.dirty.add(geometry.indexPages + page);
    }
    const count = countBits(wanted);
    if (table.live[place] === count) continue;
    table.live[place] = count;
    touch(table, place);
  }
}

/** No segment is open or holds a journal any more; those without live pages are free. */
function settlePlaces(table: SegmentTable, generation: Generation): void {
  for (let place: Place = 0; place < table.geometry.places; place++) {
    const state = table.state[place];
    const settled = table.live[place] > 0 ? placeState.sealed : placeState.free;
    if (state === settled) continue;
    table.state[place] = settled;
    table.generation[place] = generation;
    touch(table, place);
  }
}

/** The entry of a place has changed. */
export function touch(table: SegmentTable, place: Place): void {
  table.dirty.add(Math.floor(place / indexEntriesPerPage));
}
