/** `varve dump IMAGE segments`: what the segment table says about each place. */
import { placeState } from '../format/segment-table.js';
import { headKind } from '../log/segment-table.js';
import { type Output, table } from './output.js';
import { type RawImage, rawState } from './raw-image.js';

export interface SegmentRow {
  readonly place: number;
  readonly serial: number;
  readonly state: string;
  readonly head: string;
  readonly live: number;
  readonly generation: number;
}

const nameIn = (names: Readonly<Record<string, number>>, value: number): string =>
  Object.keys(names).find((name) => names[name] === value) ?? String(value);

/** Rows by place; free places only with `all`. */
export async function dumpSegments(image: RawImage, all: boolean): Promise<SegmentRow[]> {
  const { table: segments, geometry } = await rawState(image);
  const rows: SegmentRow[] = [];
  for (let place = 0; place < geometry.places; place++) {
    if (!all && segments.state[place] === placeState.free) continue;
    rows.push({
      place,
      serial: segments.serial[place],
      state: nameIn(placeState, segments.state[place]),
      head: segments.serial[place] === 0 ? '-' : nameIn(headKind, segments.head[place]),
      live: segments.live[place],
      generation: segments.generation[place],
    });
  }
  return rows;
}

export function segmentsText(output: Output, rows: readonly SegmentRow[]): string {
  const head = ['place', 'serial', 'state', 'head', 'live', 'generation'];
  const cells = rows.map((row) => [row.place, row.serial, row.state, row.head, row.live, row.generation].map(String));
  return table(output, head, cells, ['place', 'serial', 'live', 'generation']);
}
