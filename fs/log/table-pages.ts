/**
 * The segment table on disk. Each table page has two fixed places; the checkpoint's map says for each page which
 * copy is current, or that it was never written and stands for zeros. A commit writes changed pages over the
 * copies that are not current, so that a crash leaves the older checkpoint's table as it was.
 */
import { CorruptionError, FsError } from '../errors.js';
import { checksum } from '../format/checksum.js';
import { type Geometry, indexEntriesPerPage, type Layout, tableOffset, tablePages } from '../format/geometry.js';
import { IndexEntry, indexPageMagic, livePageMagic, TablePage } from '../format/segment-table.js';
import { readU64, writeU64 } from '../format/struct.js';
import type { Store } from '../store/store.js';
import { type Generation, pageSize } from '../units.js';
import type { SegmentTable } from './segment-table.js';

/** Which copy of each table page is current, as the checkpoint stores it: 2 bits a page, low bits first. */
export type TableMap = Uint8Array;

/** Of a geometry of which nothing was written yet. */
export const emptyMap = (g: Layout): TableMap => new Uint8Array(Math.ceil(tablePages(g) / 4));

/** 0 never written, 1 copy A, 2 copy B, 3 damage. */
export const currentCopy = (map: TableMap, index: number): number => (map[index >> 2] >> ((index & 3) * 2)) & 3;

export function nameCopy(map: TableMap, index: number, copy: number): void {
  const shift = (index & 3) * 2;
  map[index >> 2] = (map[index >> 2] & ~(3 << shift)) | (copy << shift);
}

export interface TableWrite {
  readonly offset: number;
  readonly page: Uint8Array;
}

/** Copies of the changed pages, ready to be written, and the map that names them. The table counts as unchanged afterwards. */
export function freezeTable(
  table: SegmentTable,
  map: TableMap,
  generation: Generation,
): { writes: TableWrite[]; map: TableMap } {
  const g = table.geometry;
  const next = map.slice();
  const writes: TableWrite[] = [];
  for (const index of table.dirty) {
    const copy = currentCopy(map, index) === 1 ? 2 : 1;
    nameCopy(next, index, copy);
    const page = index < g.indexPages ? indexPage(table, index) : livePage(table, index - g.indexPages);
    const view = new DataView(page.buffer, page.byteOffset, pageSize);
    TablePage.write(view, 0, {
      magic: index < g.indexPages ? indexPageMagic : livePageMagic,
      checksum: 0,
      index: index < g.indexPages ? index : index - g.indexPages,
      reserved: 0,
      generation,
      brand: g.brand,
    });
    view.setUint32(TablePage.offsetOf.checksum, checksum(page), true);
    writes.push({ offset: tableOffset(g, index, copy - 1), page });
  }
  table.dirty.clear();
  return { writes, map: next };
}

function indexPage(table: SegmentTable, index: number): Uint8Array {
  const page = new Uint8Array(pageSize);
  const view = new DataView(page.buffer);
  const at = IndexEntry.offsetOf;
  const first = index * indexEntriesPerPage;
  const end = Math.min(first + indexEntriesPerPage, table.geometry.places);
  for (let place = first, base = TablePage.size; place < end; place++, base += IndexEntry.size) {
    writeU64(view, base + at.serial, table.serial[place]);
    writeU64(view, base + at.generation, table.generation[place]);
    view.setUint32(base + at.live, table.live[place], true);
    page[base + at.state] = table.state[place];
    page[base + at.head] = table.head[place];
  }
  return page;
}

function livePage(table: SegmentTable, index: number): Uint8Array {
  const page = new Uint8Array(pageSize);
  const map = table.maps[index];
  if (map !== undefined) page.set(map);
  return page;
}

/** Table pages that are read at once, with both copies: 1 MiB. */
const pagesAtOnce = 128;

/** Read the table that a checkpoint names. CorruptionError when a page is not what it should be. */
export async function loadTable(
  store: Store,
  table: SegmentTable,
  map: TableMap,
  generation: Generation,
): Promise<void> {
  const g = table.geometry;
  const total = tablePages(g);
  let frontier = 0;
  for (let first = nextWritten(map, 0); first < total; first = nextWritten(map, first + pagesAtOnce)) {
    const written: number[] = [];
    for (let index = first; index < Math.min(first + pagesAtOnce, total); index++) {
      const copy = currentCopy(map, index);
      if (copy === 3) throw new CorruptionError('checkpoint', `table map entry ${index}`, 'names no copy');
      if (copy !== 0) written.push(index);
    }
    const pages = await readCopies(store, g, map, written);
    for (const [i, index] of written.entries()) {
      if (index < g.indexPages) frontier = (index + 1) * indexEntriesPerPage;
      enterPage(table, index, pages[i], generation, tableOffset(g, index, currentCopy(map, index) - 1));
    }
  }
  table.index(generation, Math.min(frontier, g.places));
}

/** The next page from `index` on whose byte of the map is not zero, or one behind the last. `index`: a multiple of four. */
function nextWritten(map: TableMap, index: number): number {
  let at = index >> 2;
  while (map[at] === 0) at++;
  return at * 4;
}

/** The current copies of these pages, by rising number; whatever else lies between them is read with them. */
async function readCopies(store: Store, g: Geometry, map: TableMap, indices: number[]): Promise<Uint8Array[]> {
  const offsets = indices.map((index) => tableOffset(g, index, currentCopy(map, index) - 1));
  const [first] = offsets;
  const all = new Uint8Array((offsets.at(-1) as number) + pageSize - first);
  try {
    await store.read(first, all);
  } catch (e) {
    if (!(e instanceof FsError && e.code === 'EIO')) throw e;
    // What can't be read may be one that nobody needs.
    for (const offset of offsets) await store.read(offset, all.subarray(offset - first, offset - first + pageSize));
  }
  return offsets.map((offset) => all.subarray(offset - first, offset - first + pageSize));
}

function enterPage(table: SegmentTable, index: number, page: Uint8Array, generation: Generation, offset: number): void {
  const view = new DataView(page.buffer, page.byteOffset, pageSize);
  const isIndex = index < table.geometry.indexPages;
  const own = isIndex ? index : index - table.geometry.indexPages;
  const header = TablePage.read(view, 0);
  view.setUint32(TablePage.offsetOf.checksum, 0, true);
  if (
    header.magic !== (isIndex ? indexPageMagic : livePageMagic) ||
    header.index !== own ||
    header.brand !== table.geometry.brand ||
    header.generation > generation ||
    header.checksum !== checksum(page)
  ) {
    throw new CorruptionError(
      isIndex ? 'index page' : 'live-map page',
      `table page ${index} (byte ${offset})`,
      'does not verify',
    );
  }
  if (isIndex) readIndexPage(table, own, view);
  else table.maps[own] = page.slice();
}

function readIndexPage(table: SegmentTable, index: number, view: DataView): void {
  const at = IndexEntry.offsetOf;
  const first = index * indexEntriesPerPage;
  const end = Math.min(first + indexEntriesPerPage, table.geometry.places);
  for (let place = first, base = TablePage.size; place < end; place++, base += IndexEntry.size) {
    table.serial[place] = readU64(view, base + at.serial);
    table.generation[place] = readU64(view, base + at.generation);
    table.live[place] = view.getUint32(base + at.live, true);
    table.state[place] = view.getUint8(base + at.state);
    table.head[place] = view.getUint8(base + at.head);
    if (table.state[place] > 3 || table.head[place] > 3 || table.live[place] > table.pagesPerSegment) {
      throw new CorruptionError('index entry', `place ${place}`, 'is out of range');
    }
  }
}
