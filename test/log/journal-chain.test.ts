/**
 * The chain of records, written and read back: where records lie, and where the chain ends when a record is torn,
 * missing, or from another time.
 */
import { describe, expect, it } from 'vitest';
import { type Geometry, placeOffset, planGeometry, segmentPages } from '../../fs/format/geometry.js';
import { Journal, type JournalPosition } from '../../fs/log/journal.js';
import { findGap } from '../../fs/log/journal-gap.js';
import { readJournal } from '../../fs/log/journal-reader.js';
import { SegmentTable } from '../../fs/log/segment-table.js';
import { below, seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { Batch } from '../../fs/tree/batch.js';
import { pageSize } from '../../fs/units.js';

const size = 16 * 2 ** 20;
const epoch = 4711;

class Chain {
  readonly disk = new SimulatedDisk(size, { record: true });
  readonly geometry: Geometry = { ...planGeometry(size), brand: 7 };
  readonly journal: Journal;
  readonly start: JournalPosition;
  private written = 0;

  constructor() {
    const table = new SegmentTable(this.geometry);
    table.index(0);
    this.journal = new Journal(this.disk, table, epoch, 0);
    this.journal.start(1);
    this.start = this.journal.freeze(1);
  }

  /** Write a record whose batch holds its number and is about `bytes` long. */
  record(bytes: number): void {
    const value = new Uint8Array(Math.min(4000, bytes)).fill(++this.written);
    const batch = new Batch();
    for (let left = bytes, i = 0; left > 0; left -= value.length, i++) batch.put(i, 1, 0, value);
    this.journal.add(batch, 2, 0);
    this.journal.write(2, { nextInode: 5, inodes: 3 });
  }

  /** The gap behind the end of the chain: first missing record and the last that was durable. */
  async gap(): Promise<[number, number] | undefined> {
    const records = readJournal(this.disk, this.geometry, this.start, epoch);
    let step = await records.next();
    while (!step.done) step = await records.next();
    const gap = await findGap(this.disk, this.geometry, step.value, epoch);
    return gap && [gap.sequence, gap.durable];
  }

  /** Sequence numbers of the records that are found. */
  async found(): Promise<number[]> {
    const found: number[] = [];
    for await (const { header } of readJournal(this.disk, this.geometry, this.start, epoch))
      found.push(header.sequence);
    return found;
  }

  get writes(): readonly { offset: number; length: number }[] {
    return this.disk.recording.writes;
  }

  numbers(count: number): number[] {
    return Array.from({ length: count }, (_, i) => i + 1);
  }
}

describe('records', () => {
  it('share a page until what was written is relied on', async () => {
    const chain = new Chain();
    for (let i = 0; i < 5; i++) chain.record(300);
    chain.journal.seal();
    chain.record(300);
    const first = placeOffset(chain.geometry, chain.start.journalPlace, 0);
    const offsets = chain.writes.map(({ offset }) => offset - first);
    expect(offsets[0]).toBe(0);
    expect(offsets.slice(1, 5).every((offset, i) => offset > offsets[i] && offset < 4096 && offset % 8 === 0)).toBe(
      true,
    );
    expect(offsets[5]).toBe(4096);
    expect(await chain.found()).toEqual(chain.numbers(6));
  });

  it('of all lengths are found again, over the ends of pages and segments', async () => {
    const chain = new Chain();
    const random = seededRandom(11);
    for (let i = 0; i < 400; i++) {
      chain.record(below(random, 5) === 0 ? 1 + below(random, 60_000) : 1 + below(random, 1500));
      if (below(random, 10) === 0) chain.journal.seal();
    }
    expect(await chain.found()).toEqual(chain.numbers(400));
    const pages = chain.writes.reduce((sum, { length }) => sum + length, 0) / 4096;
    expect(pages).toBeLessThan(1000);
  });

  it('that are still on their way are not joined', async () => {
    const chain = new Chain();
    const write = chain.disk.write.bind(chain.disk);
    chain.disk.write = (offset, buffers) =>
      new Promise((resolve) => setImmediate(() => resolve(write(offset, buffers) ?? undefined)));
    chain.record(100);
    chain.record(100);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    chain.record(100);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    const first = placeOffset(chain.geometry, chain.start.journalPlace, 0);
    const offsets = chain.writes.map(({ offset }) => offset - first);
    expect([offsets[0], offsets[1]]).toEqual([0, 4096]);
    expect(offsets[2]).toBeGreaterThan(4096);
    expect(offsets[2]).toBeLessThan(8192);
    expect(await chain.found()).toEqual([1, 2, 3]);
  });
});

describe('the chain ends', () => {
  it.each([0, 1, 2, 3, 4, 5, 6, 7])('at the first record that is damaged, here record %i', async (damaged) => {
    const chain = new Chain();
    for (let i = 0; i < 8; i++) {
      chain.record(i % 3 === 2 ? 7000 : 200);
      if (i === 4) chain.journal.seal();
    }
    const { offset } = chain.writes[damaged];
    chain.disk.flipBit(offset + 90, 3);
    expect(await chain.found()).toEqual(chain.numbers(damaged));
  });

  it('at a record that never came, though later ones did', async () => {
    const chain = new Chain();
    chain.record(200);
    chain.journal.seal();
    chain.disk.faults.plan('write', chain.disk.faults.counts.write + 1, { what: 'lost' });
    for (let i = 0; i < 3; i++) {
      chain.record(200);
      chain.journal.seal();
    }
    expect(await chain.found()).toEqual([1]);
  });

  it('before records of another mount, and before those of an earlier use of the place', async () => {
    const chain = new Chain();
    for (let i = 0; i < 3; i++) chain.record(200);
    const other: number[] = [];
    for await (const { header } of readJournal(chain.disk, chain.geometry, chain.start, epoch + 1))
      other.push(header.sequence);
    expect(other).toEqual([]);
    // The first of another history has the same number and another predecessor.
    const later = { ...chain.start, journalLast: 1 };
    for await (const { header } of readJournal(chain.disk, chain.geometry, later, epoch)) other.push(header.sequence);
    expect(other).toEqual([]);
  });
});

describe('a gap is seen', () => {
  const bytes = (chain: Chain): number => segmentPages(chain.geometry) * pageSize;

  it.each([
    ['by a record of the same page', 100, false],
    ['by one of another page', 100, true],
    ['by one of the next segment', 3 * 2 ** 20, true],
  ])('%s', async (_, length, sealed) => {
    const chain = new Chain();
    for (let i = 0; i < 4; i++) {
      chain.record(Math.min(length, bytes(chain) * 0.7));
      if (sealed) chain.journal.seal();
      chain.journal.durable = i < 2 ? i + 1 : 2;
    }
    expect(await chain.gap()).toBeUndefined();
    chain.disk.flipBit(chain.writes[1].offset + 90, 3);
    expect(await chain.found()).toEqual([1]);
    expect(await chain.gap()).toEqual([2, 2]);
  });

  it('though the record behind it does not know, by one of the segment which that one names', async () => {
    const chain = new Chain();
    for (let i = 0; i < 4; i++) {
      chain.record(bytes(chain) * 0.7);
      chain.journal.seal();
      if (i === 2) chain.journal.durable = 3;
    }
    chain.disk.flipBit(chain.writes[1].offset + 90, 3);
    expect(await chain.gap()).toEqual([2, 3]);
  });

  it('nowhere, where nothing shows that the missing record was durable', async () => {
    const chain = new Chain();
    for (let i = 0; i < 4; i++) {
      chain.record(100);
      chain.journal.seal();
      chain.journal.durable = 1;
    }
    chain.disk.flipBit(chain.writes[1].offset + 90, 3);
    expect(await chain.found()).toEqual([1]);
    expect(await chain.gap()).toBeUndefined();
  });
});
