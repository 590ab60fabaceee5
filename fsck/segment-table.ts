/**
 * Pass 3: the segment table. Index pages say what lies where; from them come the places of all serials. Live-map
 * pages are checked against their counts here, and bit by bit against the pointers in pass 6 (space.ts).
 */
import type { HeadPosition } from '../fs/format/checkpoint.js';
import { selfChecksum } from '../fs/format/checksum.js';
import { indexEntriesPerPage, liveBytes, livePlacesPerPage, noPlace, tableOffset } from '../fs/format/geometry.js';
import { IndexEntry, indexPageMagic, livePageMagic, placeState, TablePage } from '../fs/format/segment-table.js';
import { readU64 } from '../fs/format/struct.js';
import { headKind } from '../fs/log/segment-table.js';
import { currentCopy } from '../fs/log/table-pages.js';
import { type Place, pageSize } from '../fs/units.js';
import { numbers, words } from './column.js';
import type { Image } from './image.js';
import { type Problem, problem } from './problem.js';

/** What an index entry says, for one place. */
export interface PlaceEntry {
  readonly place: Place;
  readonly serial: number;
  readonly generation: number;
  readonly live: number;
  readonly state: number;
  readonly head: number;
}

/**
 * Read a page of the table. Its bytes; undefined stands for zeros; a text says why it can't be used.
 * `index`: index pages first, then live-map pages.
 */
export async function readTablePage(image: Image, index: number): Promise<Uint8Array | undefined | string> {
  const copy = copyOf(image, index);
  if (copy === 0) return undefined;
  if (copy === 3) return 'is neither copy A nor copy B';
  const page = new Uint8Array(pageSize);
  await image.store.read(tableOffset(image.geometry, index, copy - 1), page);
  const isIndex = index < image.geometry.indexPages;
  const header = TablePage.read(new DataView(page.buffer));
  if (header.magic !== (isIndex ? indexPageMagic : livePageMagic)) return 'has the wrong magic';
  if (header.checksum !== selfChecksum(page, TablePage.offsetOf.checksum)) return 'fails its checksum';
  if (header.brand !== image.geometry.brand) return 'belongs to another volume';
  const number = isIndex ? index : index - image.geometry.indexPages;
  if (header.index !== number) return `is page ${header.index} instead of ${number}`;
  if (header.generation > image.checkpoint.generation) return `was written in generation ${header.generation}`;
  return page;
}

const unused = { serial: 0, generation: 0, live: 0, state: placeState.free, head: 0 };

const copyOf = ({ tableMap }: Image, index: number): number => currentCopy(tableMap, index);

/**
 * Entries of all places about which anything was written, in order, in lists of up to a page; those whose entries can't
 * be read are left out.
 */
export async function* placeEntries(image: Image): AsyncIterable<readonly PlaceEntry[]> {
  const { geometry } = image;
  const perLivePage = livePlacesPerPage(geometry);
  for (let index = 0; index < geometry.indexPages; index++) {
    const page = await readTablePage(image, index);
    if (typeof page === 'string') continue;
    const view = page && new DataView(page.buffer);
    const entries: PlaceEntry[] = [];
    const first = index * indexEntriesPerPage;
    const end = Math.min(first + indexEntriesPerPage, geometry.places);
    for (let place = first; place < end; place++) {
      if (view !== undefined) {
        entries.push(placeEntry(view, TablePage.size + (place - first) * IndexEntry.size, place));
      } else if (copyOf(image, geometry.indexPages + Math.floor(place / perLivePage)) !== 0) {
        entries.push({ place, ...unused });
      }
    }
    yield entries;
  }
}

/** Field by field: there may be many. */
function placeEntry(view: DataView, base: number, place: Place): PlaceEntry {
  const { offsetOf } = IndexEntry;
  return {
    place,
    serial: readU64(view, base + offsetOf.serial),
    generation: readU64(view, base + offsetOf.generation),
    live: view.getUint32(base + offsetOf.live, true),
    state: view.getUint8(base + offsetOf.state),
    head: view.getUint8(base + offsetOf.head),
  };
}

/** Check index pages and live counts, and enter the places of all serials into the image. */
export async function* checkTable(image: Image): AsyncIterable<Problem> {
  const { geometry, checkpoint } = image;
  const serials = numbers();
  const places = words();
  for (let index = 0; index < geometry.indexPages; index++) {
    const page = await readTablePage(image, index);
    if (typeof page === 'string') yield problem('table-page', `index page ${index} of the segment table ${page}`);
    if (!(page instanceof Uint8Array)) continue;
    const view = new DataView(page.buffer);
    const first = index * indexEntriesPerPage;
    const end = Math.min(first + indexEntriesPerPage, geometry.places);
    for (let place = first; place < end; place++) {
      const base = TablePage.size + (place - first) * IndexEntry.size;
      const serial = readU64(view, base + IndexEntry.offsetOf.serial);
      const state = view.getUint8(base + IndexEntry.offsetOf.state);
      if (state > placeState.journal) yield problem('index-entry', `place ${place} has the unknown state ${state}`);
      const head = view.getUint8(base + IndexEntry.offsetOf.head);
      if (head > headKind.journal)
        yield problem('index-entry', `place ${place} was written by the unknown head ${head}`);
      const live = view.getUint32(base + IndexEntry.offsetOf.live, true);
      if (live > image.perSegment) yield problem('index-entry', `place ${place} counts ${live} live pages`);
      if (serial >= checkpoint.nextSerial) {
        yield problem('index-entry', `place ${place} holds serial ${serial}; the next one is ${checkpoint.nextSerial}`);
      } else if (state !== placeState.free && serial === 0) {
        yield problem('index-entry', `place ${place} is in use without a serial`);
      } else if (state !== placeState.free) {
        serials.push(serial);
        places.push(place);
      }
    }
  }
  const twice = image.setPlaces(serials.values.subarray(0, serials.length), places.values.subarray(0, places.length));
  for (const place of twice) yield problem('index-entry', `place ${place} holds a serial that another place holds too`);
  yield* checkHeads(image);
  yield* checkLiveCounts(image);
}

function* checkHeads(image: Image): Iterable<Problem> {
  const { nodeHead, dataHead, coldHead } = image.checkpoint;
  const heads: readonly (readonly [string, HeadPosition])[] = [
    ['nodes', nodeHead],
    ['data', dataHead],
    ['moved data', coldHead],
  ];
  for (const [name, head] of heads) {
    if (head.place === noPlace) continue;
    if (image.placeOf(head.serial) !== head.place) {
      yield problem(
        'log-head',
        `the log head for ${name} stands in place ${head.place}, which does not hold serial ${head.serial}`,
      );
    }
    if (heads.some(([other, at]) => other < name && at.place === head.place)) {
      yield problem('log-head', `two log heads stand in place ${head.place}`);
    }
  }
}

/** Set bits of a bitmap. */
export function countBits(bitmap: Uint8Array): number {
  let bits = 0;
  for (let byte of bitmap) for (; byte !== 0; byte &= byte - 1) bits++;
  return bits;
}

async function* checkLiveCounts(image: Image): AsyncIterable<Problem> {
  const maps = new LiveMaps(image);
  for await (const entries of placeEntries(image)) {
    for (const entry of entries) {
      const looked = maps.moveTo(entry.place);
      const wrong = looked && (await looked);
      if (wrong) yield problem('table-page', wrong);
      const bitmap = maps.of(entry.place);
      const bits = countBits(bitmap);
      if (maps.readable && bits !== entry.live) {
        yield problem('live-count', `place ${entry.place} counts ${entry.live} live pages, its live map ${bits}`);
      }
      const holdsPages = entry.state === placeState.open || entry.state === placeState.sealed;
      if (!holdsPages && entry.live !== 0) {
        yield problem(
          'live-count',
          `place ${entry.place} has ${entry.live} live pages although it is ${stateName(entry.state)}`,
        );
      }
    }
  }
}

const stateName = (state: number): string =>
  Object.entries(placeState).find(([, value]) => value === state)?.[0] ?? `state ${state}`;

/** The live map, one page at a time in ascending order of places. */
export class LiveMaps {
  /** False if the page at hand can't be read: its bitmaps then count as zero. */
  readable = true;
  private index = -1;
  private page: Uint8Array | undefined;

  constructor(private readonly image: Image) {}

  /** Bring in the page with the bitmap of `place`. Says what is wrong with a page that is looked at for the first time. */
  moveTo(place: Place): Promise<string | undefined> | undefined {
    const index = Math.floor(place / livePlacesPerPage(this.image.geometry));
    if (index === this.index) return undefined;
    this.index = index;
    return this.bringIn(index);
  }

  private async bringIn(index: number): Promise<string | undefined> {
    const page = await readTablePage(this.image, this.image.geometry.indexPages + index);
    this.readable = typeof page !== 'string';
    this.page = page instanceof Uint8Array ? page : undefined;
    return typeof page === 'string' ? `live-map page ${index} of the segment table ${page}` : undefined;
  }

  /** Bitmap of a place on the page at hand. */
  of(place: Place): Uint8Array {
    const size = liveBytes(this.image.geometry);
    if (this.page === undefined) return new Uint8Array(size);
    const start = TablePage.size + (place % livePlacesPerPage(this.image.geometry)) * size;
    return this.page.subarray(start, start + size);
  }
}
