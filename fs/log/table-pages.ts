/**
 * The segment table on disk. Each table page has two fixed places; the checkpoint's map says for each page which
 * copy is current, or that it was never written and stands for zeros. A commit writes changed pages over the
 * copies that are not current, so that a crash leaves the older checkpoint's table as it was.
 */
import { CorruptionError } from '../errors.js';
import { checksum } from '../format/checksum.js';
import { indexEntriesPerPage, tableOffset, tablePages } from '../format/geometry.js';
import { IndexEntry, indexPageMagic, livePageMagic, TablePage } from '../format/segment-table.js';
import { readU64, writeU64 } from '../format/struct.js';
import type { Store } from '../store/store.js';
import { type Generation, pageSize } from '../units.js';
import type { SegmentTable } from './segment-table.js';

/** For each table page: 0 never written, 1 copy A, 2 copy B. */
export type TableMap = Uint8Array;

/** Pack a map as the checkpoint stores it, 2 bits a page, low bits first. */
export function packMap(map: TableMap): Uint8Array {
  const packed = new Uint8Array(Math.ceil(map.length / 4));
  for (let i = 0; i < map.length; i++) packed[i >> 2] |= map[i] << ((i & 3) * 2);
  return packed;
}

export function unpackMap(packed: Uint8Array, pages: number): TableMap {
  const map = new Uint8Array(pages);
  for (let i = 0; i < pages; i++) map[i] = (packed[i >> 2] >> ((i & 3) * 2)) & 3;
  return map;
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
    next[index] = map[index] === 1 ? 2 : 1;
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
    writes.push({ offset: tableOffset(g, index, next[index] - 1), page });
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

/** Read the table that a checkpoint names. CorruptionError when a page is not what it should be. */
export async function loadTable(
  store: Store,
  table: SegmentTable,
  map: TableMap,
  generation: Generation,
): Promise<void> {
  const g = table.geometry;
  const total = tablePages(g);
  const buffer = new Uint8Array(pageSize);
  const view = new DataView(buffer.buffer);
  for (let index = 0; index < total; index++) {
    if (map[index] === 0) continue;
    if (map[index] === 3) throw new CorruptionError('checkpoint', `table map entry ${index}`, 'names no copy');
    const offset = tableOffset(g, index, map[index] - 1);
    await store.read(offset, buffer);
    const isIndex = index < g.indexPages;
    const own = isIndex ? index : index - g.indexPages;
    const header = TablePage.read(view, 0);
    view.setUint32(TablePage.offsetOf.checksum, 0, true);
    if (
      header.magic !== (isIndex ? indexPageMagic : livePageMagic) ||
      header.index !== own ||
      header.brand !== g.brand ||
      header.generation > generation ||
      header.checksum !== checksum(buffer)
    ) {
      throw new CorruptionError(
        isIndex ? 'index page' : 'live-map page',
        `table page ${index} (byte ${offset})`,
        'does not verify',
      );
    }
    if (isIndex) readIndexPage(table, own, view);
    else table.maps[own] = buffer.slice();
  }
  table.index(generation);
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
