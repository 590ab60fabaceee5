/** The segment table of a rebuilt volume, from what the places hold and the pages that are claimed. */
import type { Checkpoint } from '../../fs/format/checkpoint.js';
import { tablePages } from '../../fs/format/geometry.js';
import { placeState } from '../../fs/format/segment-table.js';
import { currentCopy, nameCopy, type TableMap } from '../../fs/log/table-pages.js';
import type { Serial } from '../../fs/units.js';
import type { VolumeState } from '../../fs/volume/state.js';
import type { Image } from '../image.js';
import { LiveMaps } from '../segment-table.js';
import { endOfSerials, type Places } from './places.js';
import { setLive } from './recount.js';

/** Count what was recorded as live among the claims: nothing is freed before everything could be read. */
export async function mergeRecorded(image: Image, places: Places): Promise<void> {
  const maps = new LiveMaps(image);
  for (let place = 0; place < places.state.length; place++) {
    if (places.state[place] === placeState.free) continue;
    await maps.moveTo(place);
    if (maps.readable) image.claims.merge(place, maps.of(place));
  }
}

/** Enter everything into the table of a volume that was opened with an empty one. */
export function fillTable(state: VolumeState, places: Places, image: Image, tableMap: TableMap): void {
  const { table, log } = state;
  const { serial, generation } = places;
  table.nextSerial = places.highestSerial + 1;
  table.serial.set(serial);
  table.generation.set(generation);
  table.state.set(places.state);
  table.head.set(places.head);
  for (let place = 0; place < places.state.length; place++) {
    if (places.state[place] !== placeState.free) continue;
    if (places.usable[place] === 1) table.generation[place] = 0;
    else {
      // As if it had been freed just now, by a segment that nothing can be looking for.
      table.serial[place] = table.nextSerial++;
      table.generation[place] = log.generation;
    }
  }
  setLive(table, image.claims);
  table.index(log.generation);
  const map = tableMap.slice();
  for (let index = 0; index < tablePages(table.geometry); index++) {
    if (currentCopy(map, index) === 3) nameCopy(map, index, 0);
    const isIndex = index < table.geometry.indexPages;
    if (isIndex || currentCopy(map, index) !== 0 || table.maps[index - table.geometry.indexPages] !== undefined)
      table.dirty.add(index);
  }
  state.tableMap = map;
}

/** A serial above all that were ever used, as far as one can know. */
export function nextSerial(image: Image, places: Places, checkpoint: Checkpoint): Serial {
  const { from } = image.relocations;
  const last = from.length === 0 ? 0 : Math.floor(from.values[from.length - 1] / image.perSegment);
  const recorded = checkpoint.nextSerial < endOfSerials(image.perSegment) ? checkpoint.nextSerial : 0;
  return Math.max(recorded, last + 1, places.highestSerial + places.state.length + 1);
}
