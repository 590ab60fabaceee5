/** Pieces of a read are located one by one and read at once: from the store, and what is still in flight from there. */
import { expect, it } from 'vitest';
import { planGeometry } from '../../fs/format/geometry.js';
import { runKind } from '../../fs/format/segment-summary.js';
import { Log } from '../../fs/log/log.js';
import { SegmentTable } from '../../fs/log/segment-table.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { mostPieces, Pieces } from '../../fs/store/pieces.js';
import { seededRandom } from '../../fs/store/random.js';
import { pageSize } from '../../fs/units.js';

it('reads pages of which some are gathered, some under way to the store, and some there', async () => {
  const size = 16 * 2 ** 20;
  const table = new SegmentTable({ ...planGeometry(size), brand: 7 });
  table.index(0);
  const store = new MemoryStore(size, { shuffled: { random: seededRandom(3), inPlace: 0 } });
  const log = new Log(store, table, { opened: () => undefined, failed: () => undefined });
  const { data } = log;
  const buffers: Uint8Array[] = [];
  const addresses: number[] = [];
  const append = (number: number): void => {
    const buffer = new Uint8Array(pageSize).fill(number);
    buffers.push(buffer);
    // What was handed over may be used again once it is written.
    const again = (): void => void buffer.fill(0xee);
    data.append(buffer, 1, 1, { kind: runKind.data, inode: 5, offset: number * pageSize }, again);
    addresses.push(data.appended);
  };
  for (let i = 0; i < 8; i++) append(i);
  data.flush();
  await log.landed();
  for (let i = 8; i < 16; i++) append(i);
  data.flush();
  for (let i = 16; i < 20; i++) append(i);

  const into = new Uint8Array(20 * pageSize);
  const pieces = new Pieces();
  for (let i = 0; i < 20; i += 2) {
    const token = log.locate(addresses[i], 2, into, (18 - i) * pageSize, pieces);
    expect(token).toBe(log.where(addresses[i]));
  }
  const wait = log.readPieces(pieces);
  pieces.clear();
  await Promise.all([wait, log.landed()]);
  for (let i = 0; i < 20; i++) expect(into[((i % 2) + 18 - (i - (i % 2))) * pageSize], `page ${i}`).toBe(i);
  expect(() => log.locate(addresses[19] + 2 ** 30, 1, into, 0, pieces)).toThrow('EUCLEAN');
});

it('more pieces than a store takes at once are read one by one', async () => {
  const size = 16 * 2 ** 20;
  const table = new SegmentTable({ ...planGeometry(size), brand: 7 });
  table.index(0);
  const store = Object.assign(new MemoryStore(size), {
    readPieces: () => {
      throw new Error('too many');
    },
  });
  const log = new Log(store, table, { opened: () => undefined, failed: () => undefined });
  log.data.append(new Uint8Array(pageSize).fill(7), 1, 1, { kind: runKind.data, inode: 5, offset: 0 }, undefined);
  const address = log.data.appended;
  log.data.flush();
  await log.landed();
  const page = new Uint8Array(pageSize);
  const pieces = new Pieces();
  for (let i = 0; i <= mostPieces; i++) log.locate(address, 1, page, 0, pieces);
  await log.readPieces(pieces);
  expect(page[pageSize - 1]).toBe(7);
});
