/**
 * Where everything lies in an image, from its size. mkfs plans a geometry once; the superblock records it.
 *
 *     superblock | slot A | slot B | segment table | (gap) | place 0 | place 1 | ... | (rest) | superblock
 *
 * A volume that has got another size has its slots and its segment table behind its places:
 *
 *     superblock | (as before, no longer in use) | place 0 | place 1 | ... | slot A | slot B | segment table | superblock
 *
 * All figures are in pages of 4 KiB unless they say otherwise.
 */
import { pageSize } from '../units.js';
import type { HeadPosition } from './checkpoint.js';
import type { Sealer } from './seal.js';
import { IndexEntry, TablePage } from './segment-table.js';
import type { Superblock } from './superblock.js';

export const minImageBytes = 16 * 2 ** 20;
export const minSegmentShift = 5;
export const maxSegmentShift = 14;
export const nodeShift = 2;
/** Segments kept free from ordinary writes: at least this many, and 4 % of the places. */
const leastReserve = 16;
const reserveShare = 0.04;

/** Where everything lies. */
export type Layout = Pick<
  Superblock,
  | 'segmentShift'
  | 'nodeShift'
  | 'imagePages'
  | 'places'
  | 'checkpointStart'
  | 'checkpointPages'
  | 'reservedSegments'
  | 'tableStart'
  | 'indexPages'
  | 'livePages'
  | 'segmentStart'
>;

/** Where everything lies, and what pages of metadata must carry to be believed. */
export type Geometry = Layout & {
  /** Brand of the volume's pages of metadata (DESIGN.md, "Repair"). */
  readonly brand: number;
  /** Of an encrypted volume whose key is known: seals and opens what is stored. It is nothing of the format. */
  readonly sealer?: Sealer | undefined;
};

export const segmentPages = (g: Layout): number => 2 ** g.segmentShift;
export const nodePages = (g: Layout): number => 2 ** g.nodeShift;
export const nodeBytes = (g: Layout): number => pageSize * 2 ** g.nodeShift;

export const indexEntriesPerPage = Math.floor((pageSize - TablePage.size) / IndexEntry.size);
/** Bytes of one place's live bitmap. */
export const liveBytes = (g: Layout): number => 2 ** g.segmentShift / 8;
/** Places whose bitmaps share one live-map page. */
export const livePlacesPerPage = (g: Layout): number => Math.floor((pageSize - TablePage.size) / liveBytes(g));
export const tablePages = (g: Layout): number => g.indexPages + g.livePages;
/** First byte of a table page's copy (0 for A, 1 for B). */
export const tableOffset = (g: Layout, index: number, copy: number): number =>
  (g.tableStart + 2 * index + copy) * pageSize;
/** First byte of a page of a place. */
export const placeOffset = (g: Layout, place: number, page: number): number =>
  (g.segmentStart + place * 2 ** g.segmentShift + page) * pageSize;
export const slotOffset = (g: Layout, slot: number): number =>
  (g.checkpointStart + slot * g.checkpointPages) * pageSize;
/** Pages that ordinary writes can fill: each segment ends in a summary. */
export const capacityPages = (g: Layout): number => (g.places - g.reservedSegments) * (2 ** g.segmentShift - 1);

/** The default segment: 1/256 of the image, between 128 KiB and 4 MiB; larger when there would be over 2^18 places. */
export function defaultSegmentShift(imagePages: number): number {
  let shift = Math.floor(Math.log2(imagePages / 256));
  shift = Math.min(10, Math.max(minSegmentShift, shift));
  while (shift < maxSegmentShift && imagePages / 2 ** shift > 2 ** 18) shift++;
  return shift;
}

/** Plan an image of `imageBytes` (rounded down to pages). RangeError when it can't hold a volume. */
export function planGeometry(imageBytes: number, segmentShift?: number): Layout {
  const imagePages = Math.floor(imageBytes / pageSize);
  if (imagePages * pageSize < minImageBytes) throw new RangeError(`an image needs at least ${minImageBytes} bytes`);
  const shift = segmentShift ?? defaultSegmentShift(imagePages);
  if (shift < minSegmentShift || shift > maxSegmentShift) {
    throw new RangeError(`segments have 2^${minSegmentShift} to 2^${maxSegmentShift} pages`);
  }
  const perSegment = 2 ** shift;
  const perLivePage = Math.floor((pageSize - TablePage.size) / (perSegment / 8));
  const from = (places: number): Layout => {
    const indexPages = Math.ceil(places / indexEntriesPerPage);
    const livePages = Math.ceil(places / perLivePage);
    const checkpointPages = 1 + Math.ceil((2 * (indexPages + livePages)) / 8 / pageSize);
    const tableStart = 1 + 2 * checkpointPages;
    const end = tableStart + 2 * (indexPages + livePages);
    const segmentStart = Math.ceil(end / Math.min(perSegment, 256)) * Math.min(perSegment, 256);
    return {
      segmentShift: shift,
      nodeShift,
      imagePages,
      places,
      checkpointStart: 1,
      checkpointPages,
      reservedSegments: Math.max(leastReserve, Math.ceil(places * reserveShare)),
      tableStart,
      indexPages,
      livePages,
      segmentStart,
    };
  };
  let places = Math.floor(imagePages / perSegment);
  let plan = from(places);
  while (places > 0 && plan.segmentStart + places * perSegment > imagePages - 1) plan = from(--places);
  if (places < 4 * leastReserve) {
    throw new RangeError(
      `segments of ${perSegment * pageSize} bytes are too large for this image: choose smaller ones`,
    );
  }
  return plan;
}

/**
 * The geometry of a volume that grows or shrinks to `imageBytes`: places stay where they are, slots and segment table go
 * behind them, where neither the old ones nor a place of the new geometry lie. RangeError when there is no room.
 */
export function planResize(g: Layout, imageBytes: number): Layout {
  const imagePages = Math.floor(imageBytes / pageSize);
  const grows = imagePages > g.imagePages;
  const least = grows ? g.places + 1 : 4 * leastReserve;
  for (let places = Math.floor((imagePages - 1 - g.segmentStart) / segmentPages(g)); places >= least; places--) {
    const indexPages = Math.ceil(places / indexEntriesPerPage);
    const livePages = Math.ceil(places / livePlacesPerPage(g));
    const checkpointPages = 1 + Math.ceil((2 * (indexPages + livePages)) / 8 / pageSize);
    const tableStart = imagePages - 1 - 2 * (indexPages + livePages);
    const checkpointStart = tableStart - 2 * checkpointPages;
    if (checkpointStart < Math.max(grows ? g.imagePages : 0, g.segmentStart + places * segmentPages(g))) continue;
    // Old slots behind the places must lie behind the new end; those in front of them are out of the way.
    if (!grows && g.checkpointStart > g.segmentStart && imagePages > g.checkpointStart) break;
    return {
      ...g,
      imagePages,
      places,
      checkpointStart,
      checkpointPages,
      reservedSegments: Math.max(leastReserve, Math.ceil(places * reserveShare)),
      tableStart,
      indexPages,
      livePages,
    };
  }
  const segment = segmentPages(g) * pageSize;
  const few = imagePages - 1 - g.segmentStart < (4 * leastReserve + 1) * segmentPages(g);
  throw new RangeError(
    few
      ? `${imageBytes} bytes are too few for segments of ${segment}`
      : `change it by a few segments of ${segment} bytes at least: the tables need room besides`,
  );
}

/** What is wrong with a geometry read from an image of `imageBytes`, or undefined. Nothing in it can then lead outside the image. */
export function geometryProblem(g: Layout, imageBytes: number): string | undefined {
  const sizes = [g.imagePages, g.places, g.checkpointStart, g.checkpointPages, g.reservedSegments, g.tableStart];
  sizes.push(g.indexPages, g.livePages, g.segmentStart);
  if (!sizes.every((n) => Number.isSafeInteger(n) && n >= 0)) return 'a size is out of range';
  if (g.segmentShift < minSegmentShift || g.segmentShift > maxSegmentShift) return `segment shift ${g.segmentShift}`;
  if (g.nodeShift < 2 || g.nodeShift > 3) return `node shift ${g.nodeShift}`;
  if (g.imagePages * pageSize > imageBytes)
    return `made for ${g.imagePages * pageSize} bytes, the image has ${imageBytes}`;
  if (g.places < 4 * leastReserve || g.reservedSegments < leastReserve || g.reservedSegments >= g.places) {
    return `${g.places} places, ${g.reservedSegments} of them reserved`;
  }
  if (g.indexPages !== Math.ceil(g.places / indexEntriesPerPage)) return `${g.indexPages} index pages`;
  if (g.livePages !== Math.ceil(g.places / livePlacesPerPage(g))) return `${g.livePages} live-map pages`;
  if (g.checkpointStart < 1 || g.checkpointPages !== 1 + Math.ceil((2 * tablePages(g)) / 8 / pageSize)) {
    return `checkpoint slots of ${g.checkpointPages} pages`;
  }
  const areas = [
    [0, 1],
    [g.checkpointStart, g.checkpointStart + 2 * g.checkpointPages],
    [g.tableStart, g.tableStart + 2 * tablePages(g)],
    [g.segmentStart, g.segmentStart + g.places * 2 ** g.segmentShift],
    [g.imagePages - 1, g.imagePages],
  ].sort(([a], [b]) => a - b);
  const overlap = areas.some(([, end], i) => end > (areas[i + 1]?.[0] ?? g.imagePages));
  return overlap ? 'areas overlap' : undefined;
}

/** `place` of a head without an open segment. */
export const noPlace = 2 ** 53 - 1;
export const closedHead = (): ReturnType<typeof HeadPosition.read> => ({
  place: noPlace,
  serial: 0,
  page: 0,
  described: 0,
});
