/**
 * What `varve map` draws again and again: the segments as columns of numbers (a few bytes a cell, as there may be
 * thousands of them every second), where the log is being written, and what was written since the volume was opened.
 * Made in steps: the figures are those of no single moment.
 */
import { slotOffset, tableOffset, tablePages } from '../format/geometry.js';
import type { Head } from '../log/head.js';
import { pageSize } from '../units.js';
import type { VolumeState } from '../volume/state.js';
import type { Volume } from '../volume/volume.js';
import { cellKinds, type MapCell } from './fragmentation-report.js';
import { cell, mostCells } from './space-map.js';
import { Turns } from './turns.js';

export interface HeadFigures {
  readonly name: 'nodes' | 'data' | 'cold' | 'journal';
  /** Where it writes; -1: no segment is open. */
  readonly place: number;
  /** Pages of it that are written. */
  readonly page: number;
}

export interface LiveMap {
  readonly places: number;
  readonly placesPerCell: number;
  readonly pagesPerSegment: number;
  /** The open generation; the one before is that of the newest checkpoint. */
  readonly generation: number;
  /** Slot (0 or 1) of the newest checkpoint. */
  readonly slot: number;
  /** Why nothing more is written, if it is not. */
  readonly failure: string | null;
  readonly readOnly: boolean;
  /** A digit a cell, in `cellKinds`. */
  readonly kinds: string;
  /** Live pages of each cell. */
  readonly live: readonly number[];
  /** Generation of the last write of each cell. */
  readonly written: readonly number[];
  /** Cells with a segment that is being filled. */
  readonly open: readonly number[];
  readonly heads: readonly HeadFigures[];
  /** Pages. */
  readonly space: { readonly capacity: number; readonly live: number; readonly available: number };
  /** Since the volume was opened. */
  readonly counts: {
    readonly checkpoints: number;
    readonly filePages: number;
    readonly movedPages: number;
    readonly freedSegments: number;
    readonly bytesWritten: number;
  };
}

export async function liveMap(volume: Volume): Promise<LiveMap> {
  const { state } = volume;
  const { table, log, counters, journal, mover } = state;
  const { places } = state.geometry;
  const placesPerCell = Math.ceil(places / mostCells);
  const turns = new Turns();
  const cells: MapCell[] = [];
  for (let place = 0; place < places; place += placesPerCell) {
    cells.push(cell(table, place, Math.min(places, place + placesPerCell)));
    await turns.pause();
  }
  const { capacity, live, available } = volume.statistics();
  return {
    places,
    placesPerCell,
    pagesPerSegment: log.perSegment,
    generation: log.generation,
    slot: 1 - state.slot,
    failure: volume.failure ?? null,
    readOnly: volume.readOnly,
    kinds: cells.map(({ kind }) => cellKinds.indexOf(kind)).join(''),
    live: cells.map((one) => one.live),
    written: cells.map((one) => one.generation),
    open: cells.flatMap((one, at) => (one.open ? [at] : [])),
    heads: [
      headFigures('data', log.data),
      headFigures('cold', log.cold),
      headFigures('nodes', log.node),
      { name: 'journal', ...journal.next },
    ],
    space: { capacity, live, available },
    counts: {
      checkpoints: counters.checkpoints,
      filePages: counters.filePages,
      movedPages: mover.moved,
      freedSegments: table.freed,
      bytesWritten: volume.counters.bytesWritten,
    },
  };
}

const headFigures = (name: HeadFigures['name'], { place, page }: Head): HeadFigures => ({ name, place, page });

/** What lies where in the image, in bytes, in the order of the image. */
export interface ImagePart {
  readonly name: 'superblock' | 'checkpoint A' | 'checkpoint B' | 'segment table' | 'segments' | 'superblock copy';
  readonly at: number;
  readonly bytes: number;
}

export interface ImageFacts {
  readonly label: string;
  readonly uuid: string;
  readonly bytes: number;
  readonly parts: readonly ImagePart[];
}

export function imageFacts({ superblock, geometry: g, log }: VolumeState): ImageFacts {
  const slot = g.checkpointPages * pageSize;
  const parts: ImagePart[] = [
    { name: 'superblock', at: 0, bytes: pageSize },
    { name: 'checkpoint A', at: slotOffset(g, 0), bytes: slot },
    { name: 'checkpoint B', at: slotOffset(g, 1), bytes: slot },
    { name: 'segment table', at: tableOffset(g, 0, 0), bytes: 2 * tablePages(g) * pageSize },
    { name: 'segments', at: g.segmentStart * pageSize, bytes: g.places * log.perSegment * pageSize },
    { name: 'superblock copy', at: (g.imagePages - 1) * pageSize, bytes: pageSize },
  ];
  return {
    label: superblock.label,
    uuid: Buffer.from(superblock.uuid).toString('hex'),
    bytes: g.imagePages * pageSize,
    parts: parts.sort((a, b) => a.at - b.at),
  };
}
