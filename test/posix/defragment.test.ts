/** Laying files anew, by `defragment` and by reading: contents and times stay, whatever goes on meanwhile. */
import { describe, expect, test, vi } from 'vitest';
import { fallocateFlag } from '../../fs/posix/api.js';
import { FileSystem, type FileSystemOptions } from '../../fs/posix/filesystem.js';
import { ExtentCursor } from '../../fs/posix/inode/extent-map.js';
import type { Inode } from '../../fs/posix/inode/inode.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, chance, seededRandom } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { Volume } from '../../fs/volume/volume.js';
import type { MemoryVolume } from '../support/memory-volume.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Workbench } from './workbench.js';

onlyOnPlainVolumes('counts pieces of plain extents');

const root = { uid: 0, gid: 0, pid: 1 };
const all = { from: 0, leastPages: 1024, mostPages: 1 << 20, held: false, all: false, dry: false };
const page = 4096;

/** Runs of pages that follow each other in the log. */
async function piecesOf(volume: Volume | MemoryVolume, inode: number): Promise<number> {
  return run(() => {
    const cursor = new ExtentCursor(volume, inode);
    let [pieces, behind] = [0, -1];
    for (let more = cursor.find(0); more; more = cursor.next()) {
      if (cursor.address === 0) continue;
      const at = volume.where(cursor.address);
      if (at !== behind) pieces++;
      behind = at + cursor.end - cursor.first;
    }
    return pieces;
  });
}

class Worn {
  private constructor(
    readonly volume: Volume,
    readonly fs: FileSystem,
    readonly store: MemoryStore,
  ) {}

  static async make(
    options: FileSystemOptions = {},
    journal: JournalMode = 'ordered',
    compression = 'none',
  ): Promise<Worn> {
    const store = new MemoryStore(64 << 20);
    await formatTestVolume(store, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
    return Worn.open(store, options, journal, compression);
  }

  static async open(
    store: MemoryStore,
    options: FileSystemOptions = {},
    journal: JournalMode = 'ordered',
    compression = 'none',
  ): Promise<Worn> {
    const clock = { now: () => 1_700_000_000_000 };
    const volume = await Volume.open(store, { commitSeconds: 0, journal, clock, compression });
    return new Worn(volume, new FileSystem(volume, { cacheBytes: 4 << 20, ...options }), store);
  }

  /** A file of so many pages, every second of which was written again later. */
  async file(name: string, pages: number): Promise<number> {
    const { inode } = await run(() => this.fs.mknod(1, Buffer.from(name), 0o100644, 0, 0, root));
    await this.write(inode, 0, Buffer.alloc(pages * page - 100, name));
    await this.fs.fsync(inode, false);
    for (let at = 1; at < pages; at += 2) {
      await this.write(inode, at * page, Buffer.alloc(page - 100, at));
      await this.fs.fsync(inode, false);
    }
    return inode;
  }

  async write(inode: number, offset: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; )
      at += await run(() => this.fs.write(inode, offset + at, bytes.subarray(at), root));
  }

  async read(inode: number, offset: number, length: number): Promise<Buffer> {
    const into = Buffer.alloc(length);
    const count = await run(() => this.fs.read(inode, offset, into));
    return into.subarray(0, count);
  }

  pieces(inode: number): Promise<number> {
    return piecesOf(this.volume, inode);
  }
}

describe('defragment', () => {
  test.each(['ordered', 'data', 'none'] as const)('in mode %s a file in many pieces lies in few', async (journal) => {
    const worn = await Worn.make({}, journal);
    const inode = await worn.file('worn', 60);
    const bytes = await worn.read(inode, 0, 60 * page);
    const before = await run(() => worn.fs.getattr(inode));
    const pieces = await worn.pieces(inode);
    expect(pieces).toBeGreaterThan(30);
    const step = await worn.fs.defragment(inode, all);
    expect(step).toMatchObject({ next: undefined, pages: 60, held: 0 });
    expect(step.pieces).toBeGreaterThan(30);
    expect(await worn.pieces(inode)).toBeLessThan(5);
    expect(await run(() => worn.fs.getattr(inode))).toEqual(before);
    expect(bytes.equals(await worn.read(inode, 0, 60 * page))).toBe(true);
    expect(await worn.fs.defragment(inode, all)).toMatchObject({ pages: 0, pieces: 0 });
    // What was laid anew is not lost with what was not yet durable.
    await worn.fs.sync();
    await worn.volume.abandon();
    const again = await Worn.open(worn.store);
    expect(bytes.equals(await again.read(inode, 0, 60 * page))).toBe(true);
    expect(await again.pieces(inode)).toBeLessThan(5);
  });

  test.each(['ordered', 'data'] as const)('in mode %s units are laid anew as wholes', async (journal) => {
    const worn = await Worn.make({}, journal, 'lz4');
    const inode = await worn.file('worn', 200);
    const bytes = await worn.read(inode, 0, 200 * page);
    const { blocks } = await run(() => worn.fs.getattr(inode));
    for (const one of [1, 2]) {
      const step = await worn.fs.defragment(inode, all);
      expect(step.pages > 0).toBe(one === 1);
      expect(bytes.equals(await worn.read(inode, 0, 200 * page))).toBe(true);
    }
    expect((await run(() => worn.fs.getattr(inode))).blocks).toBeLessThanOrEqual(blocks);
    await worn.fs.sync();
    await worn.volume.abandon();
    expect(bytes.equals(await (await Worn.open(worn.store)).read(inode, 0, 200 * page))).toBe(true);
  });

  test('a crash before anything was made durable leaves the file in its pieces', async () => {
    const worn = await Worn.make();
    const inode = await worn.file('worn', 40);
    const bytes = await worn.read(inode, 0, 40 * page);
    await worn.fs.defragment(inode, all);
    await worn.volume.abandon();
    const again = await Worn.open(worn.store);
    expect(bytes.equals(await again.read(inode, 0, 40 * page))).toBe(true);
    expect(await again.pieces(inode)).toBeGreaterThan(20);
  });

  test('in steps, from where the one before ended', async () => {
    const worn = await Worn.make();
    const inode = await worn.file('worn', 700);
    const bytes = await worn.read(inode, 0, 700 * page);
    let [from, steps, pages]: [number | undefined, number, number] = [0, 0, 0];
    while (from !== undefined) {
      const step: { next: number | undefined; pages: number } = await worn.fs.defragment(inode, {
        ...all,
        from,
        mostPages: 100,
      });
      expect(step.pages).toBeLessThanOrEqual(100);
      pages += step.pages;
      from = step.next;
      steps++;
    }
    expect(pages).toBe(700);
    expect(steps).toBeGreaterThanOrEqual(7);
    expect(await worn.pieces(inode)).toBeLessThan(40);
    expect(bytes.equals(await worn.read(inode, 0, 700 * page))).toBe(true);
  });

  test('pieces of the least length stay, and a dry run changes nothing', async () => {
    const worn = await Worn.make();
    const inode = await worn.file('worn', 40);
    const pieces = await worn.pieces(inode);
    expect(await worn.fs.defragment(inode, { ...all, leastPages: 1 })).toMatchObject({ pages: 0 });
    expect(await worn.fs.defragment(inode, { ...all, dry: true })).toMatchObject({ pages: 40 });
    expect(await worn.pieces(inode)).toBe(pieces);
  });

  test('what a snapshot holds is left, and counted, unless told', async () => {
    const worn = await Worn.make();
    const inode = await worn.file('worn', 40);
    await worn.volume.commit();
    worn.volume.state.newestSnapshot = worn.volume.generation - 1;
    const pieces = await worn.pieces(inode);
    const left = await worn.fs.defragment(inode, all);
    expect(left).toMatchObject({ pages: 0, held: 40 });
    expect(await worn.pieces(inode)).toBe(pieces);
    expect(await worn.fs.defragment(inode, { ...all, held: true, dry: true })).toMatchObject({ pages: 40, held: 0 });
  });

  test('a volume without room is left alone', async () => {
    const worn = await Worn.make();
    const inode = await worn.file('worn', 40);
    const { inode: filler } = await run(() => worn.fs.mknod(1, Buffer.from('filler'), 0o100644, 0, 0, root));
    const room = worn.volume.statistics().available - 200;
    await worn.write(filler, 0, new Uint8Array(room * page).fill(1));
    await expect(worn.fs.defragment(inode, all)).rejects.toMatchObject({ code: 'ENOSPC' });
  });

  test('a file that is gone, one that is small, and a directory', async () => {
    const worn = await Worn.make();
    await expect(worn.fs.defragment(999, all)).rejects.toMatchObject({ code: 'ESTALE' });
    const { inode } = await run(() => worn.fs.mknod(1, Buffer.from('small'), 0o100644, 0, 0, root));
    await worn.write(inode, 0, Buffer.from('small'));
    for (const one of [inode, 1])
      expect(await worn.fs.defragment(one, all)).toMatchObject({ pages: 0, next: undefined });
  });

  test.each([1, 2, 3, 4, 5, 6])('while others write, truncate and punch, seed %i', async (seed) => {
    const random = seededRandom(seed);
    const bench = await Workbench.open({ random, restless: 0.3, late: 0.5 });
    const inode = await bench.file('busy');
    let model = Buffer.alloc(0);
    const write = async (offset: number, bytes: Buffer): Promise<void> => {
      if (offset + bytes.length > model.length)
        model = Buffer.concat([model, Buffer.alloc(offset + bytes.length - model.length)]);
      bytes.copy(model, offset);
      expect(await bench.write(inode, offset, bytes)).toBe(bytes.length);
    };
    const defragmenting = async (): Promise<void> => {
      for (let round = 0; round < 15; round++) {
        await bench.fs.defragment(inode, {
          ...all,
          leastPages: 1 + below(random, 50),
          mostPages: 1 + below(random, 60),
        });
      }
    };
    await write(0, Buffer.alloc(50 * page, 'first'));
    const background = defragmenting();
    for (let i = 0; i < 60; i++) {
      const offset = below(random, 60 * page);
      const choice = below(random, 10);
      if (choice < 6) await write(offset, Buffer.alloc(1 + below(random, 3 * page), i));
      else if (choice < 8) await bench.flush(inode);
      else if (choice === 8) {
        await bench.truncate(inode, offset);
        model = Buffer.concat([model, Buffer.alloc(Math.max(0, offset - model.length))]).subarray(0, offset);
      } else {
        const length = 1 + below(random, 9 * page);
        await bench.fs.fallocate(inode, fallocateFlag.punchHole | fallocateFlag.keepSize, offset, length);
        model.fill(0, Math.min(offset, model.length), Math.min(offset + length, model.length));
      }
      if (chance(random, 0.2)) expect(await bench.read(inode)).toBe(model.toString('latin1'));
    }
    await background;
    expect(await bench.read(inode)).toBe(model.toString('latin1'));
    expect(await bench.settle()).toEqual([]);
    expect(await bench.read(inode)).toBe(model.toString('latin1'));
  });
});

describe('autodefrag', () => {
  const gatherBytes = 8 << 20;

  test('what a read found scattered lies in one piece soon', async () => {
    const worn = await Worn.make({ gatherBytes });
    const inode = await worn.file('worn', 60);
    const before = await run(() => worn.fs.getattr(inode));
    const bytes = await worn.read(inode, 0, 60 * page);
    expect(worn.fs.gatherer?.gathered).toEqual({ chunks: 0, pages: 0, beyondBudget: 0 });
    await worn.fs.gatherer?.now();
    expect(worn.fs.gatherer?.gathered).toEqual({ chunks: 2, pages: 60, beyondBudget: 0 });
    await worn.volume.commit();
    expect(await worn.pieces(inode)).toBeLessThan(5);
    const appended = worn.volume.counters.filePages;
    expect(bytes.equals(await worn.read(inode, 0, 60 * page))).toBe(true);
    await worn.fs.gatherer?.now();
    await worn.volume.commit();
    expect(worn.volume.counters.filePages).toBe(appended);
    const after = await run(() => worn.fs.getattr(inode));
    expect({ ...after, atime: before.atime }).toEqual(before);
  });

  test('units that lie apart are gathered too', async () => {
    const worn = await Worn.make({ gatherBytes }, 'ordered', 'lz4');
    const [inode, other] = [await worn.file('worn', 1), await worn.file('other', 1)];
    for (let at = 0; at < 200; at += 8) {
      for (const file of [inode, other]) {
        await worn.write(file, at * page, Buffer.alloc(8 * page, at));
        await worn.fs.fsync(file, false);
      }
    }
    const bytes = await worn.read(inode, 0, 200 * page);
    await worn.fs.gatherer?.now();
    expect(worn.fs.gatherer?.gathered.chunks).toBeGreaterThan(3);
    expect(bytes.equals(await worn.read(inode, 0, 200 * page))).toBe(true);
    const { filePages } = worn.volume.counters;
    await worn.read(inode, 0, 200 * page);
    await worn.fs.gatherer?.now();
    await worn.volume.commit();
    expect(worn.volume.counters.filePages).toBe(filePages);
  });

  test('a load that only reads ends up writing nothing', async () => {
    const random = seededRandom(7);
    const worn = await Worn.make({ gatherBytes: 1 << 30 });
    const inode = await worn.file('worn', 300);
    let [last, quiet] = [worn.volume.counters.filePages, 0];
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < 20; i++) {
        const offset = below(random, 300 * page);
        await worn.read(inode, offset, 1 + below(random, 64 * page));
      }
      await worn.fs.gatherer?.now();
      await worn.volume.commit();
      const { filePages } = worn.volume.counters;
      quiet = filePages === last ? quiet + 1 : 0;
      last = filePages;
    }
    expect(worn.fs.gatherer?.gathered.pages).toBeGreaterThan(200);
    expect(worn.fs.gatherer?.gathered.pages).toBeLessThanOrEqual(300);
    expect(quiet).toBeGreaterThan(10);
  });

  test('not beyond its budget', async () => {
    const worn = await Worn.make({ gatherBytes: 20_000 });
    const inode = await worn.file('worn', 120);
    await worn.read(inode, 0, 32 * page);
    await worn.fs.gatherer?.now();
    expect(worn.fs.gatherer?.gathered).toMatchObject({ chunks: 1, pages: 32 });
    await worn.read(inode, 32 * page, 64 * page);
    await worn.fs.gatherer?.now();
    expect(worn.fs.gatherer?.gathered).toMatchObject({ chunks: 1, pages: 32 });
  });

  test('what is noted has a bound', async () => {
    const { fs } = await Worn.make({ gatherBytes });
    const file = (number: number): Inode => ({ number, record: { links: 1 } }) as Inode;
    fs.gatherer?.met(file(2), 0, 2 ** 33);
    for (let number = 3; number < 100; number++) fs.gatherer?.met(file(number), 0, 2 ** 17);
    expect(fs.gatherer?.gathered.beyondBudget).toBe(97);
    expect((fs.gatherer as unknown as { noted: Map<number, unknown> }).noted.size).toBe(1);
    await fs.gatherer?.stop();
  });

  test('by itself, when reading pauses', async () => {
    const worn = await Worn.make({ gatherBytes });
    const inode = await worn.file('worn', 60);
    await worn.read(inode, 0, 60 * page);
    await vi.waitFor(() => expect(worn.fs.gatherer?.gathered.pages).toBe(60), 10_000);
    expect(await worn.pieces(inode)).toBeLessThan(5);
    await worn.fs.close();
  });

  test('not while memory or the volume is nearly full', async () => {
    const worn = await Worn.make({ gatherBytes });
    const inode = await worn.file('worn', 60);
    const filler = await worn.file('filler', 1);
    const room = worn.volume.statistics();
    await worn.write(filler, 0, Buffer.alloc((room.available - (room.capacity >> 5)) * page, 1));
    await worn.fs.fsync(filler, false);
    await worn.read(inode, 0, 60 * page);
    await worn.fs.gatherer?.now();
    expect(worn.fs.gatherer?.gathered).toEqual({ chunks: 0, pages: 0, beyondBudget: 2 });
  });

  test('not without being told, nor in mode data, nor what a snapshot holds', async () => {
    const plain = await Worn.make();
    expect(plain.fs.gatherer).toBeUndefined();
    expect((await Worn.make({ gatherBytes }, 'data')).fs.gatherer).toBeUndefined();
    const worn = await Worn.make({ gatherBytes });
    const inode = await worn.file('worn', 40);
    await worn.volume.commit();
    worn.volume.state.newestSnapshot = worn.volume.generation - 1;
    await worn.read(inode, 0, 40 * page);
    await worn.fs.gatherer?.now();
    expect(worn.fs.gatherer?.gathered).toMatchObject({ pages: 0 });
  });

  test.each([11, 12, 13])('contents stay whatever is written meanwhile, seed %i', async (seed) => {
    const random = seededRandom(seed);
    const bench = await Workbench.open(
      { random, restless: 0.2, late: 0.5 },
      // Hardly any inode stays in memory that nobody needs there.
      { cacheBytes: 4 << 20, gatherBytes: 1 << 30, cachedInodes: 2 },
    );
    const others = await Promise.all(['a', 'b', 'c', 'd'].map((name) => bench.file(name)));
    const inode = await bench.file('busy');
    const model = Buffer.alloc(40 * page, 'first');
    await bench.write(inode, 0, model);
    for (let i = 0; i < 150; i++) {
      const offset = below(random, 39 * page);
      const bytes = Buffer.alloc(1 + below(random, page), i);
      bytes.copy(model, offset);
      const reading = chance(random, 0.5) ? bench.read(inode) : Promise.resolve('');
      await bench.write(inode, offset, bytes);
      if (chance(random, 0.5)) await bench.flush(inode);
      const gathering = chance(random, 0.5) ? bench.fs.gatherer?.now() : undefined;
      await reading;
      for (const other of others) if (chance(random, 0.5)) await bench.stat(other);
      if (chance(random, 0.2)) expect(await bench.read(inode)).toBe(model.toString('latin1'));
      if (chance(random, 0.5)) await gathering;
    }
    expect(bench.fs.gatherer?.gathered.pages).toBeGreaterThan(0);
    expect(await bench.settle()).toEqual([]);
    expect(await bench.read(inode)).toBe(model.toString('latin1'));
  });
});
