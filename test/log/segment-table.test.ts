/** The segment table: which places are free, and when. */
import { expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { indexEntriesPerPage, planGeometry } from '../../fs/format/geometry.js';
import { placeState } from '../../fs/format/segment-table.js';
import { headKind, SegmentTable } from '../../fs/log/segment-table.js';
import { emptyMap, freezeTable, loadTable } from '../../fs/log/table-pages.js';
import { MemoryStore } from '../../fs/store/memory.js';

it('a segment that a crash has left empty, as its pages were about to become live, is freed by the next commit', async () => {
  const geometry = { ...planGeometry(16 * 2 ** 20), brand: 7 };
  const store = new MemoryStore(16 * 2 ** 20);
  const table = new SegmentTable(geometry);
  table.index(0);
  const place = table.take(headKind.cold, 1);
  table.pinned.add(place);
  table.seal(place, 1);
  table.sweep(1);
  const { writes, map } = freezeTable(table, emptyMap(geometry), 1);
  for (const { offset, page } of writes) store.write(offset, [page]);

  const again = new SegmentTable(geometry);
  await loadTable(store, again, map, 1);
  expect(again.state[place]).toBe(placeState.sealed);
  again.sweep(2);
  expect(again.state[place]).toBe(placeState.free);
});

it('opening costs what was written, however large the volume: reads of its table, and places that are looked at', async () => {
  const geometry = { ...planGeometry(2 ** 44), brand: 7 };
  const table = new SegmentTable(geometry);
  table.index(0, 0);
  for (let i = 0; i < 400; i++) table.setLive(table.take(headKind.data, 1), 0, 1);
  const { writes, map } = freezeTable(table, emptyMap(geometry), 1);
  const store = new MemoryStore(writes.reduce((end, { offset }) => Math.max(end, offset), 0) + 4096);
  for (const { offset, page } of writes) store.write(offset, [page]);
  let reads = 0;
  const read = (offset: number, into: Uint8Array) => {
    reads++;
    return store.read(offset, into);
  };

  const again = new SegmentTable(geometry);
  await loadTable({ ...store, read } as unknown as typeof store, again, map, 1);
  expect([writes.length, reads <= 5, again.frontier, again.livePages]).toEqual([
    403,
    true,
    3 * indexEntriesPerPage,
    400,
  ]);
  expect(again.reusablePlaces).toBe(geometry.places - 400);
  expect(again.take(headKind.data, 2)).toBe(400);
});

it('a copy of a table page that nobody needs may be unreadable', async () => {
  const geometry = { ...planGeometry(16 * 2 ** 20), brand: 7 };
  const store = new MemoryStore(16 * 2 ** 20);
  const table = new SegmentTable(geometry);
  table.index(0, 0);
  table.setLive(table.take(headKind.data, 1), 0, 1);
  const { writes, map } = freezeTable(table, emptyMap(geometry), 1);
  for (const { offset, page } of writes) store.write(offset, [page]);
  const [from, to] = [writes[0].offset, writes[1].offset].sort((a, b) => a - b);
  const read = (offset: number, into: Uint8Array) => {
    if (offset < to && offset + into.length > from + 4096) throw new FsError('EIO', 'read');
    return store.read(offset, into);
  };
  const again = new SegmentTable(geometry);
  await loadTable({ ...store, read } as unknown as typeof store, again, map, 1);
  expect(again.livePages).toBe(1);
});

it('places that are freed together are taken in the order in which they lie, before those that were free already', () => {
  const table = new SegmentTable({ ...planGeometry(64 * 2 ** 20), brand: 7 });
  table.index(0);
  const places = Array.from({ length: 6 }, () => table.take(headKind.data, 1));
  const together = [places[4], places[0], places[2]];
  for (const place of together) table.seal(place, 1);
  table.sweep(1);
  table.reuse(table.ripen(2));
  const taken = Array.from({ length: 4 }, () => table.take(headKind.data, 2));
  expect(taken.slice(0, 3)).toEqual(together.toSorted((a, b) => a - b));
  expect(places).not.toContain(taken[3]);
});
