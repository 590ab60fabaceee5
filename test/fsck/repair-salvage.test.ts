/** What can be found again without the record that led to it: nothing is lost where only such records are. */
import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { maxSegmentShift, placeOffset } from '../../fs/format/geometry.js';
import { runKind } from '../../fs/format/segment-summary.js';
import { placeState } from '../../fs/format/segment-table.js';
import type { Superblock } from '../../fs/format/superblock.js';
import { headKind } from '../../fs/log/segment-table.js';
import { summaryPage } from '../../fs/log/summary-page.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import { type Generation, type Place, pageSize, type Serial } from '../../fs/units.js';
import { newestCheckpoint } from '../../fs/volume/checkpoint-slots.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine, survey } from '../../fsck/check.js';
import { numbers, words } from '../../fsck/column.js';
import { Image } from '../../fsck/image.js';
import type { MovedPages } from '../../fsck/repair/moves.js';
import { Places } from '../../fsck/repair/places.js';
import { addMoves } from '../../fsck/repair/relocations.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { readPlace, runsOf } from '../../fsck/repair/summaries.js';
import { replayInMemory } from '../../fsck/replay.js';
import { loseSlots, losses, offsetOf } from '../broken/losses.js';
import { flip } from '../broken/surgery.js';
import { itemsOf } from '../support/items-of.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';
import { formatTestVolume } from '../support/volume-image.js';
import { wornBytes, wornVolume } from '../support/worn-volume.js';

onlyOnPlainVolumes('lays nodes, extents and records by hand');

let closed: SparseBytes;
let crashed: SparseBytes;
beforeAll(async () => {
  closed = await wornVolume(1, false);
  crashed = await wornVolume(2, true);
});

describe.each([
  ['closed', () => closed],
  ['crashed', () => crashed],
] as const)('a %s volume loses', (_, image) => {
  test.each(Object.keys(losses))('%s', async (what) => {
    const store = new MemoryStore(wornBytes, { bytes: image().copy() });
    const whole = (await replayInMemory(store)).store;
    const items = await itemsOf(whole);
    await losses[what](store, await survey(store));
    const { left, ledger } = await repairVolume(store);
    expect(left.problems).toEqual([]);
    expect((await examine(store, { data: true })).problems).toEqual([]);
    // An older checkpoint, where the newest is not to be believed, is as good as it was.
    if (what === 'which generation it is') return;
    const after = await itemsOf(store);
    expect([...items].filter(([key, value]) => after.get(key) !== value)).toEqual([]);
    expect(after.size).toBe(items.size);
    expect(ledger.losses).toEqual([]);
  });
});

describe.each([
  ['mounted', async (store: MemoryStore) => (await Volume.open(store)).close()],
  ['repaired', repairVolume],
] as const)('a volume %s after a crash', (_, recovered) => {
  test('can be found again without its segment table: no segment is without a summary', async () => {
    const store = new MemoryStore(wornBytes, { bytes: await freshlyWritten() });
    await recovered(store);
    const items = await itemsOf(store);
    await losses['both checkpoints and the table'](store, await survey(store));
    expect((await repairVolume(store)).left.problems).toEqual([]);
    expect((await examine(store, { data: true })).problems).toEqual([]);
    expect(await itemsOf(store)).toEqual(items);
  });
});

/** A new volume that crashed when the first pages of a file were durable by the journal alone. */
async function freshlyWritten(): Promise<SparseBytes> {
  const store = new MemoryStore(wornBytes);
  await formatTestVolume(store, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const fs = new FileSystem(volume, { cacheBytes: 2 ** 22 });
  const who = { uid: 0, gid: 0, pid: 1 };
  const { inode } = await run(() => fs.mknod(1, Buffer.from('file'), 0o100644, 0, 0, who));
  await run(() => fs.write(inode, 0, randomBytes(5 * pageSize), who));
  await fs.sync();
  await volume.abandon();
  return store.bytes;
}

/** Write zeros over the copies of checkpoints of this generation and newer ones. */
async function loseCopies(store: MemoryStore, superblock: Superblock, from: Generation): Promise<void> {
  for (let place = 0; place < superblock.places; place++) {
    for (const { page, offset } of await copiesIn(store, superblock, place))
      if (offset >= from) await store.write(placeOffset(superblock, place, page), [new Uint8Array(pageSize)]);
  }
}

/** Where copies of checkpoints lie in a place, and of which generation they are, as the summaries have it. */
const copiesIn = async (store: MemoryStore, superblock: Superblock, place: Place) =>
  (await readPlace(store, superblock, place)).summaries
    .flatMap(({ runs }) => runs)
    .filter(({ kind }) => kind === runKind.checkpoint);

test('with no checkpoint anywhere, all that leaves hold is found', async () => {
  const store = new MemoryStore(wornBytes, { bytes: closed.copy() });
  const items = await itemsOf(store);
  const superblock = await readSuperblock(store);
  await loseSlots(store, superblock);
  await loseCopies(store, superblock, 0);
  const { left } = await repairVolume(store);
  expect(left.problems).toEqual([]);
  const after = await itemsOf(store);
  const missing = [...items.keys()].filter((key) => !after.has(key));
  expect(missing).toEqual([]);
  expect((await newestCheckpoint(store, superblock)).checkpoint.clean).toBe(1);
});

test('with no checkpoint anywhere, snapshots and branches are lost, and it says which', async () => {
  const store = new MemoryStore(wornBytes, { bytes: closed.copy() });
  const volume = await Volume.open(store, { commitSeconds: 0 });
  for (const name of ['gone', 'monday', 'tuesday']) {
    await volume.snapshots.create(name);
    volume.state.changed = true;
    await volume.commit();
  }
  await volume.lines.clone('monday', 'other');
  await volume.snapshots.remove('gone');
  await volume.leaving.idle;
  await volume.close();
  const items = await itemsOf(store);
  const superblock = await readSuperblock(store);
  await loseSlots(store, superblock);
  await loseCopies(store, superblock, 0);
  const { left, ledger } = await repairVolume(store);
  expect(left.problems).toEqual([]);
  expect(ledger.losses.map(({ path }) => path).sort()).toEqual(['branch other', 'snapshot monday', 'snapshot tuesday']);
  for (const { what } of ledger.losses) expect(what).toMatch(/^of \d{4}-\d\d-\d\d /);
  expect((await itemsOf(store)).size).toBeGreaterThanOrEqual(items.size);
  expect((await examine(store, { data: true })).problems).toEqual([]);
});

test('what was moved before is moved again from segments that were found by their contents', async () => {
  const store = new MemoryStore(wornBytes, { bytes: closed.copy() });
  const items = await itemsOf(store);
  await loseSlots(store, await readSuperblock(store));
  expect((await repairVolume(store)).left.problems).toEqual([]);
  const volume = await Volume.open(store, { commitSeconds: 3600 });
  const { table, mover } = volume.state;
  for (let place = 0; place < table.state.length; place++) {
    if (table.state[place] === placeState.sealed && table.live[place] > 0) await mover.clean(place);
    volume.state.changed = true;
    await volume.commit();
  }
  expect(mover.moved).toBeGreaterThan(50);
  await volume.close();
  expect((await examine(store, { data: true })).problems).toEqual([]);
  expect((await itemsOf(store)).size).toBe(items.size);
});

test('a copy of the checkpoint from before the cleaner leads to what was moved since', async () => {
  const store = new MemoryStore(wornBytes, { bytes: closed.copy() });
  const items = await itemsOf(store);
  const superblock = await readSuperblock(store);
  const { checkpoint } = await newestCheckpoint(store, superblock);
  const volume = await Volume.open(store, { commitSeconds: 3600 });
  const { table, mover } = volume.state;
  for (let place = 0; place < table.state.length; place++) {
    if (table.state[place] !== placeState.sealed || table.live[place] === 0) continue;
    await mover.clean(place);
    volume.state.changed = true;
    await volume.commit();
  }
  const free = [...table.state.keys()].filter((place) => table.state[place] === placeState.free);
  await volume.close();
  // As if all that was freed had been written over.
  for (const place of free) {
    const copies = new Set((await copiesIn(store, superblock, place)).map(({ page }) => page));
    for (let page = 0; page < 2 ** superblock.segmentShift; page++)
      if (!copies.has(page)) await store.write(placeOffset(superblock, place, page), [new Uint8Array(pageSize)]);
  }
  await loseSlots(store, superblock);
  await loseCopies(store, superblock, checkpoint.generation + 2);
  const { left, ledger } = await repairVolume(store);
  expect(left.problems).toEqual([]);
  expect(ledger.losses).toEqual([]);
  expect((await examine(store, { data: true })).problems).toEqual([]);
  expect(await itemsOf(store)).toEqual(items);
});

test('a move that a crash has undone leads to nothing', async () => {
  const store = new MemoryStore(wornBytes, { bytes: closed.copy() });
  const items = await itemsOf(store);
  const superblock = await readSuperblock(store);
  const crashing = await Volume.open(store, { commitSeconds: 3600, discard: false });
  const { table, mover, log } = crashing.state;
  const { nextSerial } = table;
  for (let place = 0; place < table.state.length; place++) {
    if (table.state[place] === placeState.sealed && table.head[place] === headKind.data && table.live[place] > 0)
      await mover.clean(place);
  }
  log.cold.describe();
  log.cold.flush();
  await log.landed();
  expect(mover.moved).toBeGreaterThan(50);
  const undone = (serial: Serial): boolean => serial >= nextSerial && serial < table.nextSerial;
  await crashing.abandon();
  await (await Volume.open(store, { commitSeconds: 3600, discard: false })).close();
  // A new segment has begun where the moved pages lie, and has no summary yet.
  let written = 0;
  for (let place = 0; place < superblock.places; place++) {
    const { summaries } = await readPlace(store, superblock, place);
    if (!summaries.every(({ serial }) => undone(serial))) continue;
    for (const run of summaries.flatMap(({ runs }) => runs)) {
      if (run.kind !== runKind.data) continue;
      written += run.pages;
      await store.write(placeOffset(superblock, place, run.page), [new Uint8Array(run.pages * pageSize).fill(7)]);
    }
  }
  expect(written).toBeGreaterThan(50);
  expect((await examine(store, { data: true })).problems).toEqual([]);
  await loseSlots(store, superblock);
  expect((await repairVolume(store)).left.problems).toEqual([]);
  expect((await examine(store, { data: true })).problems).toEqual([]);
  expect(await itemsOf(store)).toEqual(items);
});

describe('moves that summaries tell of', () => {
  let image: () => Image;
  beforeAll(async () => {
    const store = new MemoryStore(wornBytes, { bytes: closed.copy() });
    const superblock = await readSuperblock(store);
    const { checkpoint, map } = await newestCheckpoint(store, superblock);
    image = () => {
      const one = new Image(store, { ...superblock, segmentShift: maxSegmentShift }, checkpoint, map);
      one.setPlaces(Float64Array.of(5, 6, 7), Uint32Array.of(0, 1, 2));
      return one;
    };
  });

  /** Runs: from, to, pages, generation. */
  function moves(runs: readonly (readonly [number, number, number, number])[]): MovedPages {
    const moved = { from: numbers(), to: numbers(), pages: words(), generation: numbers() };
    for (const run of runs)
      for (const [i, name] of (['from', 'to', 'pages', 'generation'] as const).entries()) moved[name].push(run[i]);
    return moved;
  }

  test('lead to where a page moved last: since the checkpoint, or else by its map, or else by all', () => {
    const at = (serial: number): number => serial * image().perSegment;
    const targets = (since: Generation): number[] => {
      const one = image();
      one.relocations.add(at(4), at(5), 3);
      addMoves(
        one,
        moves([
          [at(4) + 1, at(6), 6, 10],
          [at(4) + 5, at(7), 1, 9],
          [at(4) + 6, at(8), 1, 9],
          [at(5), at(6), 1, 11],
        ]),
        since,
      );
      return [0, 1, 2, 3, 4, 5, 6, 7].map((page) => one.relocations.target(at(4) + page));
    };
    expect(targets(10)).toEqual([at(5), at(5) + 1, at(5) + 2, at(6) + 2, at(6) + 3, at(7), at(6) + 5, -1]);
    expect(targets(9)).toEqual([at(5), ...[0, 1, 2, 3, 4, 5].map((page) => at(6) + page), -1]);
    const one = image();
    expect([addMoves(one, moves([[at(5), at(6), 1, 11]]), 0), addMoves(one, moves([]), 0)]).toEqual([false, false]);
  });

  test('are kept as runs: there may be more pages of them than memory holds', () => {
    const one = image();
    const { perSegment } = one;
    const many = Array.from(
      { length: 100_000 },
      (_, i) => [(10 + i) * perSegment, 5 * perSegment, perSegment, 1] as const,
    );
    addMoves(one, moves(many), 0);
    expect(one.relocations.from.length).toBe(100_000);
  });
});

test('each page of a segment is described once, however many summaries there are', async () => {
  const store = new MemoryStore(wornBytes, { bytes: closed.copy() });
  const superblock = await readSuperblock(store);
  const pages = 2 ** superblock.segmentShift;
  for (let page = 1; page < pages; page++) {
    const run = { kind: runKind.data, inode: 7, offset: 0, pages: page, address: 1000 };
    const summary = summaryPage(superblock, { serial: 900, generation: 9, page, first: 0 }, [run]);
    await store.write(placeOffset(superblock, 0, page), [summary]);
  }
  const { summaries } = await readPlace(store, superblock, 0);
  expect(summaries).toHaveLength(pages - 1);
  const told = [...runsOf({ summaries, checkpoints: [], journal: false, blank: false }, 900)];
  expect(told.reduce((sum, run) => sum + run.pages, 0)).toBeLessThan(pages);
});

test('a segment that lies in two places is taken from one', async () => {
  const store = new MemoryStore(wornBytes, { bytes: closed.copy() });
  const superblock = await readSuperblock(store);
  const { checkpoint, map } = await newestCheckpoint(store, superblock);
  const places = () => Places.ofContents(new Image(store, superblock, checkpoint, map), () => undefined);
  const { state, serial } = await places();
  const inUse = (of: Uint8Array): number => of.filter((one) => one !== placeState.free).length;
  const [from, to] = [state.indexOf(placeState.sealed), state.lastIndexOf(placeState.free)];
  const segment = new Uint8Array(2 ** superblock.segmentShift * pageSize);
  await store.read(placeOffset(superblock, from, 0), segment);
  await store.write(placeOffset(superblock, to, 0), [segment]);
  const found = await places();
  expect([found.adopt(new Set([serial[from]])), inUse(found.state)]).toEqual([false, inUse(state)]);
});

test('pages that were moved are not looked for where a new segment has begun to be written', async () => {
  const store = new MemoryStore(wornBytes, { bytes: closed.copy() });
  const items = await itemsOf(store);
  const superblock = await readSuperblock(store);
  const volume = await Volume.open(store, { commitSeconds: 3600, discard: false });
  const { table, mover } = volume.state;
  const cleaned = new Map<Place, Serial>();
  for (let place = 0; place < table.state.length; place++) {
    const data = table.head[place] === headKind.data && table.state[place] === placeState.sealed;
    if (!data || table.live[place] === 0) continue;
    cleaned.set(place, table.serial[place]);
    await mover.clean(place);
  }
  volume.state.changed = true;
  await volume.close();
  // Summaries trail their pages: until there is one of the new segment, those of the old one are all there is.
  let written = 0;
  for (const [place, serial] of cleaned) {
    const { summaries } = await readPlace(store, superblock, place);
    for (const { page, pages } of summaries.filter((one) => one.serial === serial).flatMap(({ runs }) => runs)) {
      written += pages;
      await store.write(placeOffset(superblock, place, page), [new Uint8Array(pages * pageSize).fill(7)]);
    }
  }
  expect(written).toBeGreaterThan(100);
  await losses['the root of the system tree'](store, await survey(store));
  await loseSlots(store, superblock);
  expect((await repairVolume(store)).left.problems).toEqual([]);
  expect((await examine(store, { data: true })).problems).toEqual([]);
  expect(await itemsOf(store)).toEqual(items);
});

test('a record of the journal that is torn ends it; what follows is as if never written', async () => {
  const store = new MemoryStore(wornBytes, { bytes: crashed.copy() });
  const superblock = await readSuperblock(store);
  const { checkpoint } = await newestCheckpoint(store, superblock);
  const at = superblock.segmentStart + checkpoint.journalPlace * 2 ** superblock.segmentShift + checkpoint.journalPage;
  await flip(store, at * pageSize + 100);
  await flip(store, (await offsetOf(await survey(store), checkpoint.mainRoot.address, true)) + 50);
  const { left, replayed } = await repairVolume(store);
  expect(left.problems).toEqual([]);
  expect(replayed).toEqual({ records: 0, batches: 0 });
});
