/** Records, and what happens when there is no place for them. */
import { expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { planGeometry } from '../../fs/format/geometry.js';
import { Journal } from '../../fs/log/journal.js';
import { SegmentTable } from '../../fs/log/segment-table.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { Batch } from '../../fs/tree/batch.js';

const size = 16 * 2 ** 20;
const counters = { nextInode: 2, inodes: 1 };

/** Counts writes; each fails after a while. */
class FailingStore extends MemoryStore {
  writes = 0;
  override write(): Promise<void> {
    this.writes++;
    return new Promise((_, reject) => setImmediate(() => reject(new FsError('EIO', 'write'))));
  }
}

function journal(leastPlaces: number): { journal: Journal; store: FailingStore } {
  const store = new FailingStore(size);
  const table = new SegmentTable({ ...planGeometry(size), brand: 7 });
  table.index(0);
  return { journal: new Journal(store, table, 1, leastPlaces), store };
}

/** A batch of about 96 KiB. */
const large = (): Batch => {
  const batch = new Batch();
  for (let i = 0; i < 24; i++) batch.put(i, 1, 0, new Uint8Array(4000));
  return batch;
};

it('writes nothing before it has a segment', () => {
  const made = journal(0);
  made.journal.add(large(), 1, 0);
  expect(made.journal.write(1, counters)).toBeUndefined();
  expect(made.store.writes).toBe(0);
});

it('a record that fails behind the back of one that finds no place is not an unheard failure', async () => {
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', hear);
  const made = journal(1000);
  made.journal.start(1);
  made.journal.add(large(), 1, 0);
  made.journal.add(large(), 1, 0);
  expect(made.journal.write(1, counters)).toBeUndefined();
  expect(made.store.writes).toBe(1);
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
});

it('asks for a commit when the names of the segments that were opened leave no room for a batch', () => {
  for (const batches of [0, 1]) {
    const store = new MemoryStore(size);
    const table = new SegmentTable({ ...planGeometry(size), brand: 7 });
    table.index(0);
    const own = new Journal(store, table, 1, 0);
    own.start(1);
    for (let serial = 0; serial < 9000; serial++) own.noteOpened(serial % 100, 1000 + serial);
    for (let i = 0; i < batches; i++) own.add(large(), 1, 0);
    expect(own.write(1, counters)).toBeUndefined();
    expect(own.sequence).toBe(1);
    own.freeze(1);
    own.checkpointed();
    own.add(large(), 2, 0);
    expect(own.write(2, counters)).toEqual([]);
  }
});
