/** Another size for a volume in use, power cuts in that, and giving free places back to the host. */
import { describe, expect, test } from 'vitest';
import { FsError } from '../../fs/errors.js';
import {
  geometryProblem,
  type Layout,
  planGeometry,
  planResize,
  slotOffset,
  tablePages,
} from '../../fs/format/geometry.js';
import { placeState } from '../../fs/format/segment-table.js';
import { superblockMagic } from '../../fs/format/superblock.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { run } from '../../fs/suspend.js';
import { readSlots, slotPages } from '../../fs/volume/checkpoint-slots.js';
import { comesCloser } from '../../fs/volume/resize.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine } from '../../fsck/check.js';
import { noise } from '../../stress/system/noise.js';
import { Files, formatted, mebibyte, who } from './dated-files.js';

const fileBytes = 100_000;

type Area = readonly [number, number];
/** Checkpoint slots and segment table. */
const fixedArea = (g: Layout): Area => [g.checkpointStart, g.tableStart + 2 * (g.indexPages + g.livePages)];
const placesEnd = (g: Layout, places: number): number => g.segmentStart + places * 2 ** g.segmentShift;
const overlap = ([a, b]: Area, [c, d]: Area): boolean => a < d && c < b;

describe('resizing', () => {
  test('a full volume gets room, again and again, and loses nothing', async () => {
    const store = new MemoryStore(16 * mebibyte);
    await formatted(store, store.size);
    const files = await Files.open(store);
    let made = 0;
    for (const size of [16, 40, 100, 104]) {
      if (size > 16) await files.volume.upkeep.resize(size * mebibyte);
      const { capacity } = files.volume.statistics();
      expect(capacity * 4096).toBeGreaterThan(size * 0.8 * mebibyte - 4 * mebibyte);
      while (files.volume.statistics().available > 500) {
        await files.write(`file ${made}`, made % 251, fileBytes);
        if (++made % 20 === 0) await files.sync();
      }
    }
    await files.close();
    expect((await examine(store, { data: true })).problems).toEqual([]);
    const again = await Files.open(store);
    for (let i = 0; i < made; i += 7) expect(await again.read(`file ${i}`, fileBytes)).toBe(i % 251);
    expect(made * fileBytes).toBeGreaterThan(70 * mebibyte);
    await again.close();
  });

  test('no old copy of the superblock stays, which would keep keys that are taken away later', async () => {
    const store = new MemoryStore(32 * mebibyte);
    await formatted(store, store.size);
    const { volume } = await Files.open(store);
    for (const size of [40, 24]) {
      await volume.upkeep.resize(size * mebibyte);
      const page = new Uint8Array(4096);
      const copies: number[] = [];
      for (let at = 0; at < store.size; at += page.length) {
        await store.read(at, page);
        if (new DataView(page.buffer).getUint32(0, true) === superblockMagic) copies.push(at);
      }
      expect(copies).toEqual([0, store.size - page.length]);
    }
    await volume.close();
  });

  test('what lies in the other new slot is no checkpoint of this volume', async () => {
    for (const bytes of [40 * mebibyte, 20 * mebibyte]) {
      const store = new MemoryStore(32 * mebibyte);
      await formatted(store, store.size);
      const files = await Files.open(store);
      await files.write('file', 7, fileBytes);
      await files.sync();
      const { superblock } = files.volume.state;
      const planned = { ...planResize(superblock, bytes), brand: superblock.brand };
      const [newest] = await readSlots(store, superblock);
      await store.resize?.(40 * mebibyte);
      // Of a volume that was here before, or written to a file by somebody who knew where slots would be.
      for (const slot of [0, 1]) {
        const map = new Uint8Array(tablePages(planned));
        const foreign = slotPages(planned, { ...newest.checkpoint, slot, generation: 1000 }, map);
        await store.write(slotOffset(planned, slot), [foreign]);
      }
      const write = store.write.bind(store);
      let power = true;
      store.write = (offset, buffers) => {
        if (!power) throw new FsError('EIO', 'write');
        power = offset !== 0;
        return write(offset, buffers);
      };
      await expect(files.volume.upkeep.resize(bytes)).rejects.toThrow('EIO');
      await files.volume.abandon();
      store.write = write;
      const after = await Files.open(store);
      expect(after.volume.state.superblock.imagePages * 4096).toBe(bytes);
      expect(after.volume.generation).toBeLessThan(1000);
      expect(await after.read('file', fileBytes)).toBe(7);
      await after.close();
    }
  });

  test('a worn volume shrinks to little more than its files, and its image with it', async () => {
    const random = seededRandom(8);
    const store = new MemoryStore(128 * mebibyte);
    await formatted(store, store.size);
    const files = await Files.open(store);
    for (let i = 0; i < 800; i++) await files.write(`file ${i}`, i % 251, fileBytes);
    await files.sync();
    for (let i = 0; i < 800; i++) if (i % 8 !== 0) await run(() => files.fs.unlink(1, Buffer.from(`file ${i}`), who));
    await load(files, random, 50);
    await files.fs.sync();
    await expect(files.volume.upkeep.resize(16 * mebibyte)).rejects.toThrow(/hold|not enough|too few/);
    for (const size of [100, 60, 40]) {
      await files.volume.upkeep.resize(size * mebibyte);
      expect(store.size).toBe(size * mebibyte);
      expect(files.volume.failure).toBeUndefined();
      for (let i = 40; i < 800; i += 40) expect(await files.read(`file ${i}`, fileBytes)).toBe(i % 251);
    }
    await files.close();
    expect((await examine(store, { data: true })).problems).toEqual([]);
    const again = await Files.open(store);
    for (let i = 40; i < 800; i += 8) expect(await again.read(`file ${i}`, fileBytes)).toBe(i % 251);
    await again.close();
  });

  test.each([1, 2, 3])('a size that is all but full with what there is can be had, seed %i', async (seed) => {
    const random = seededRandom(seed);
    const store = new MemoryStore(256 * mebibyte);
    await formatted(store, store.size);
    const files = await Files.open(store);
    for (let i = 0; i < 1200; i++) await files.write(`kept ${i}`, i % 251, fileBytes);
    await files.sync();
    const gone = Array.from({ length: 1200 }, (_, i) => i).filter((i) => i % 3 !== 0 && chance(random, 0.8));
    for (const i of gone) await run(() => files.fs.unlink(1, Buffer.from(`kept ${i}`), who));
    await files.fs.sync();
    const { capacity, available } = files.volume.statistics();
    const { superblock } = files.volume.state;
    const segment = 2 ** superblock.segmentShift;
    const places = Math.ceil((1.015 * (capacity - available)) / (segment - 1)) + superblock.reservedSegments;
    const size = (superblock.segmentStart + (places + 1) * segment) * 4096;
    await files.volume.upkeep.resize(size);
    expect(store.size).toBe(size);
    await load(files, random, 20);
    await files.close();
    expect((await examine(store, { data: true })).problems).toEqual([]);
    const again = await Files.open(store);
    for (let i = 0; i < 1200; i += 3) expect(await again.read(`kept ${i}`, fileBytes)).toBe(i % 251);
    await again.close();
  });

  test.each([1, 2, 3, 4])(
    'shrinking while others write, with all free places beyond the new end, seed %i',
    async (seed) => {
      const random = seededRandom(seed);
      const store = new MemoryStore(32 * mebibyte, { shuffled: { random } });
      await formatted(store, store.size);
      const files = await Files.open(store);
      await files.volume.upkeep.resize(128 * mebibyte);
      for (let i = 0; i < 400; i++) await files.write(`old ${i}`, i % 251, fileBytes);
      await files.sync();
      for (let i = 0; i < 400; i++) if (i % 8 !== 0) await run(() => files.fs.unlink(1, Buffer.from(`old ${i}`), who));
      await files.fs.sync();
      let done = false;
      const loading = (async () => {
        while (!done) await load(files, random, 5);
      })();
      await files.volume.upkeep.resize(34 * mebibyte);
      done = true;
      await loading;
      for (let i = 0; i < 400; i += 8) expect(await files.read(`old ${i}`, fileBytes)).toBe(i % 251);
      await files.close();
      expect((await examine(store, { data: true })).problems).toEqual([]);
    },
  );

  test('one that can not shrink as far goes on in its old size', async () => {
    const store = new MemoryStore(64 * mebibyte);
    await formatted(store, store.size);
    const files = await Files.open(store);
    for (let i = 0; i < 400; i++) await files.write(`file ${i}`, i % 251, fileBytes);
    await files.sync();
    const before = files.volume.statistics();
    for (const size of [20, 40]) await expect(files.volume.upkeep.resize(size * mebibyte)).rejects.toThrow('hold');
    expect(files.volume.statistics().capacity).toBe(before.capacity);
    for (let i = 400; i < 450; i++) await files.write(`file ${i}`, i % 251, fileBytes);
    await files.close();
    expect((await examine(store, { data: true })).problems).toEqual([]);
  });

  test('a page less to move now and then is no progress', () => {
    expect(comesCloser(5000, Number.POSITIVE_INFINITY, 1024)).toBe(true);
    expect(comesCloser(4999, 5000, 1024)).toBe(false);
    expect(comesCloser(4744, 5000, 1024)).toBe(true);
    expect(comesCloser(39, 40, 1024)).toBe(false);
    expect(comesCloser(30, 40, 1024)).toBe(true);
    expect(comesCloser(0, 0, 1024)).toBe(false);
  });

  test('where nothing lies behind the new end, but too little is free before it, segments are cleaned', async () => {
    const store = new MemoryStore(32 * mebibyte);
    await formatted(store, store.size);
    const files = await Files.open(store);
    const { table, space } = files.volume.state;
    let made = 0;
    while (table.reusablePlaces > space.cleaningPlaces + 2) {
      await files.write(`file ${made}`, made % 251, fileBytes);
      if (++made % 4 !== 0) continue;
      await files.sync();
      for (const i of [made - 4, made - 2]) await run(() => files.fs.unlink(1, Buffer.from(`file ${i}`), who));
    }
    await files.sync();
    const segmentBytes = table.pagesPerSegment * 4096;
    const fewer = 4;
    expect([...table.state.slice(-fewer)]).toEqual(new Array(fewer).fill(placeState.free));
    expect(table.reusablePlaces - fewer).toBeLessThan(space.cleaningPlaces);
    const { counters } = files.volume.state;
    const before = counters.foregroundCleanings;
    await files.volume.upkeep.resize(store.size - fewer * segmentBytes);
    expect(counters.foregroundCleanings).toBeGreaterThan(before);
    for (let i = 1; i < made; i += 20) expect(await files.read(`file ${i}`, fileBytes)).toBe(i % 251);
    await files.close();
    expect((await examine(store)).problems).toEqual([]);
  });

  test('what can not be', async () => {
    const store = new MemoryStore(16 * mebibyte);
    await formatted(store, store.size);
    const files = await Files.open(store);
    for (const [bytes, why] of [
      [1, 'too few'],
      [16 * mebibyte, 'already'],
      [16 * mebibyte + 4096, 'change it by a few segments'],
    ] as const)
      await expect(files.volume.upkeep.resize(bytes)).rejects.toThrow(new RegExp(why));
    expect(files.volume.failure).toBeUndefined();
    const fixed = new SimulatedDisk(16 * mebibyte);
    await formatted(fixed, fixed.size);
    const other = await Files.open(fixed);
    await expect(other.volume.upkeep.resize(32 * mebibyte)).rejects.toThrow("can't grow");
    const readOnly = await Volume.open(store, { readOnly: true });
    await expect(readOnly.upkeep.resize(32 * mebibyte)).rejects.toMatchObject({ code: 'EROFS' });
  });

  test('every size has a plan that overlaps nothing old, or none', () => {
    const random = seededRandom(4);
    const seen = { larger: 0, smaller: 0, none: 0 };
    for (let i = 0; i < 400; i++) {
      let from = planGeometry((16 + below(random, 5000)) * mebibyte + below(random, mebibyte));
      for (let again = 0; again < 3; again++) {
        const change = below(random, 2 ** (10 + below(random, 26)));
        const bytes = from.imagePages * 4096 + (chance(random, 0.5) ? change : -change);
        let to: typeof from;
        try {
          to = planResize(from, bytes);
        } catch (e) {
          expect(e).toBeInstanceOf(RangeError);
          seen.none++;
          continue;
        }
        expect(geometryProblem(to, Math.floor(bytes / 4096) * 4096)).toBeUndefined();
        expect([to.segmentStart, to.segmentShift]).toEqual([from.segmentStart, from.segmentShift]);
        expect(overlap(fixedArea(to), fixedArea(from))).toBe(false);
        // What the old geometry may have live in both: the places that stay.
        expect(overlap(fixedArea(to), [from.segmentStart, placesEnd(from, Math.min(from.places, to.places))])).toBe(
          false,
        );
        if (to.places > from.places) expect(fixedArea(to)[0]).toBeGreaterThanOrEqual(from.imagePages);
        seen[to.places > from.places ? 'larger' : 'smaller']++;
        from = to;
      }
    }
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(100);
  });

  test('a power cut at any moment finds one size or the other, and all that was durable', async () => {
    const sizes = new Set<number>();
    for (let seed = 1; seed <= 20; seed++) sizes.add(await cutWhileResizing(seed));
    expect([...sizes].sort((a, b) => a - b)).toEqual([16, 26, 33, 60]);
  });
});

async function load(files: Files, random: Random, steps: number): Promise<void> {
  for (let i = 0; i < steps; i++) {
    if (chance(random, 0.25)) await files.sync();
    else await files.write(`file ${below(random, 30)}`, below(random, 256), fileBytes);
  }
}

/** Returns the size found afterwards, in MiB. */
async function cutWhileResizing(seed: number): Promise<number> {
  const random = seededRandom(seed);
  const disk = new SimulatedDisk(60 * mebibyte, { slow: { random, inPlace: 0.5, turns: 4 } });
  await formatted(disk, 16 * mebibyte);
  const files = await Files.open(disk);
  await load(files, random, 40);
  const growing = (async () => {
    await files.volume.upkeep.resize(33 * mebibyte);
    await load(files, random, 10);
    await files.volume.upkeep.resize(60 * mebibyte);
    await load(files, random, 10);
    await files.volume.upkeep.resize(26 * mebibyte);
    await load(files, random, 40);
  })().catch(() => undefined);
  const loading = load(files, seededRandom(seed + 1000), 200).catch(() => undefined);
  for (let turns = below(random, chance(random, 0.3) ? 150 : 1500); turns > 0; turns--)
    await new Promise((done) => setImmediate(done));
  const histories = [...files.histories].map(([name, { values, durable }]) => ({ name, values: [...values], durable }));
  let found = 0;
  for (let state = 0; state < 2; state++) {
    const contents = disk.crash(random);
    const again = new SimulatedDisk(60 * mebibyte, { contents });
    const recovered = await Files.open(again);
    found = (recovered.volume.state.superblock.imagePages * 4096) / mebibyte;
    for (const { name, values, durable } of histories) {
      if (durable === 0) continue;
      expect(values.slice(durable - 1), `seed ${seed}: ${name}`).toContain(await recovered.read(name, fileBytes));
    }
    await recovered.close();
    const { problems } = await examine(again, { data: true });
    expect(problems, `seed ${seed}`).toEqual([]);
  }
  await Promise.all([growing, loading]);
  await files.volume.abandon();
  return found;
}

describe('trimming', () => {
  test('an image takes no more than its live pages need', async () => {
    const store = new MemoryStore(64 * mebibyte);
    await formatted(store, store.size);
    const volume = await Volume.open(store, { commitSeconds: 0, discard: false });
    const fs = new FileSystem(volume, { cacheBytes: 4 * mebibyte });
    const { inode } = await run(() => fs.mknod(1, Buffer.from('large'), 0o100644, 0, 0, who));
    for (let at = 0; at < 40; at++) await run(() => fs.write(inode, at * mebibyte, noise(mebibyte, at), who));
    await fs.sync();
    await run(() => fs.setattr(inode, { size: 2 * mebibyte }, who));
    await fs.sync();
    // Extents are given back in bounded steps, beside requests.
    while (volume.statistics().live > 1000) {
      await volume.commit();
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let i = 0; i < 3; i++) await volume.commit();
    expect(store.bytes.stored).toBeGreaterThan(38 * mebibyte);
    expect(await volume.upkeep.trim(async () => undefined)).toBeGreaterThan(38 * mebibyte);
    expect(store.bytes.stored).toBeLessThan(8 * mebibyte);
    const into = new Uint8Array(2 * mebibyte);
    expect(await run(() => fs.read(inode, 0, into))).toBe(into.length);
    expect(Buffer.compare(into, Buffer.concat([noise(mebibyte, 0), noise(mebibyte, 1)]))).toBe(0);
    await fs.close();
    await volume.close();
    expect((await examine(store, { data: true })).problems).toEqual([]);
  });

  test('beside writers', async () => {
    const random = seededRandom(5);
    const store = new MemoryStore(32 * mebibyte, { shuffled: { random } });
    await formatted(store, store.size);
    const files = await Files.open(store);
    let done = false;
    const trimming = (async () => {
      while (!done) await files.volume.upkeep.trim(() => new Promise((resolve) => setImmediate(resolve)));
    })();
    await load(files, random, 300);
    done = true;
    await trimming;
    await files.sync();
    for (const [name, { values }] of files.histories) expect(await files.read(name, fileBytes)).toBe(values.at(-1));
    await files.close();
    expect((await examine(store, { data: true })).problems).toEqual([]);
  });
});
