/** What the segment table says about the places of a volume: figures, and a map of cells for a picture. */
import { placeState } from '../format/segment-table.js';
import { headKind, type SegmentTable } from '../log/segment-table.js';
import type { Generation, Place } from '../units.js';
import { pageSize } from '../units.js';
import { type CellKind, cellKinds, type MapCell, type SegmentFigures, type SpaceMap } from './fragmentation-report.js';
import { Doubling } from './histogram.js';

/** Most cells of a map. */
export const mostCells = 4096;

const classes = 10;

export function kindOf(table: SegmentTable, place: Place): CellKind {
  if (table.state[place] === placeState.free) return 'free';
  if (table.state[place] === placeState.journal) return 'journal';
  const head = table.head[place];
  return head === headKind.node ? 'nodes' : head === headKind.cold ? 'cold' : 'data';
}

/** `generation`: the open one. */
export function segmentFigures(table: SegmentTable, generation: Generation): SegmentFigures {
  const { places } = table.geometry;
  const utilisation = Array.from({ length: classes }, () => ({ data: 0, cold: 0, nodes: 0 }));
  const ages = new Doubling();
  const counts = { free: 0, open: 0, sealed: 0, journal: 0 };
  for (let place = 0; place < places; place++) {
    const kind = kindOf(table, place);
    if (kind === 'free' || kind === 'journal') counts[kind]++;
    else if (table.state[place] === placeState.open) counts.open++;
    else {
      counts.sealed++;
      const share = table.live[place] / table.pagesPerSegment;
      utilisation[Math.min(classes - 1, Math.floor(share * classes))][kind]++;
      ages.add(Math.max(1, generation - table.generation[place] + 1), table.live[place]);
    }
  }
  return {
    places,
    segmentBytes: table.pagesPerSegment * pageSize,
    ...counts,
    ...freeRuns(table),
    utilisation,
    ages: ages.classes(1, pageSize),
  };
}

function freeRuns(table: SegmentTable): Pick<SegmentFigures, 'freeRuns' | 'longestFreeRun'> {
  const runs = new Doubling();
  let longestFreeRun = 0;
  let run = 0;
  for (let place = 0; place <= table.geometry.places; place++) {
    if (place < table.geometry.places && table.state[place] === placeState.free) {
      run++;
      continue;
    }
    if (run > 0) runs.add(run, run);
    longestFreeRun = Math.max(longestFreeRun, run);
    run = 0;
  }
  return { freeRuns: runs.classes(1, table.pagesPerSegment * pageSize), longestFreeRun };
}

/** A map of at most `most` cells. */
export function spaceMap(table: SegmentTable, most = mostCells): SpaceMap {
  const { places } = table.geometry;
  const placesPerCell = Math.ceil(places / most);
  const cells: MapCell[] = [];
  for (let place = 0; place < places; place += placesPerCell)
    cells.push(cell(table, place, Math.min(places, place + placesPerCell)));
  return { placesPerCell, cells };
}

/** Places `first` to `end` (not included) as one cell. */
export function cell(table: SegmentTable, first: Place, end: Place): MapCell {
  // A place in use counts even without live pages, less than any with some.
  const weight: Record<CellKind, number> = { free: 0, data: 0, cold: 0, nodes: 0, journal: 0 };
  let [live, open, generation] = [0, false, 0];
  for (let place = first; place < end; place++) {
    const kind = kindOf(table, place);
    live += table.live[place];
    weight[kind] += kind === 'free' ? 0 : kind === 'journal' ? table.pagesPerSegment : table.live[place] + 1e-3;
    open ||= table.state[place] === placeState.open;
    generation = Math.max(generation, table.generation[place]);
  }
  const kind = cellKinds.reduce((most, one) => (weight[one] > weight[most] ? one : most), 'free' as CellKind);
  return {
    place: first,
    places: end - first,
    kind,
    live,
    pages: (end - first) * table.pagesPerSegment,
    open,
    generation,
  };
}
