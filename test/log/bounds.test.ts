/** Claims and releases that leave their segment: the live bits behind its last one are those of another place. */
import { expect, it } from 'vitest';
import { planGeometry } from '../../fs/format/geometry.js';
import { runKind } from '../../fs/format/segment-summary.js';
import { Log } from '../../fs/log/log.js';
import { SegmentTable } from '../../fs/log/segment-table.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { pageSize } from '../../fs/units.js';

it('pages that leave the segment are damage, whether they come, go or are read', () => {
  const size = 16 * 2 ** 20;
  const table = new SegmentTable({ ...planGeometry(size), brand: 7 });
  table.index(0);
  const log = new Log(new MemoryStore(size), table, { opened: () => undefined, failed: () => undefined });
  const { data, perSegment } = log;
  const meaning = { kind: runKind.data, inode: 5, offset: 0 };
  const fill = (): void => {
    data.append(new Uint8Array((perSegment - 1) * pageSize), perSegment - 1, 1, meaning, undefined);
    log.claim(data.appended, perSegment - 1);
  };
  fill();
  const first = data.appended;
  fill();
  const live = table.livePages;
  const last = first + perSegment - 2;
  expect(() => log.release(last, 3)).toThrow('EUCLEAN');
  expect(() => log.claim(last, 3)).toThrow('EUCLEAN');
  expect(() => log.read(last, 3, new Uint8Array(3 * pageSize))).toThrow('EUCLEAN');
  expect(table.livePages).toBe(live);
});
