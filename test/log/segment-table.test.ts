/** The segment table: which places are free, and when. */
import { expect, it } from 'vitest';
import { planGeometry } from '../../fs/format/geometry.js';
import { placeState } from '../../fs/format/segment-table.js';
import { headKind, SegmentTable } from '../../fs/log/segment-table.js';
import { freezeTable, loadTable } from '../../fs/log/table-pages.js';
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
  const { writes, map } = freezeTable(table, new Uint8Array(geometry.indexPages + geometry.livePages), 1);
  for (const { offset, page } of writes) store.write(offset, [page]);

  const again = new SegmentTable(geometry);
  await loadTable(store, again, map, 1);
  expect(again.state[place]).toBe(placeState.sealed);
  again.sweep(2);
  expect(again.state[place]).toBe(placeState.free);
});
