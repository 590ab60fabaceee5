/**
 * Rules without which a crash would cost something, each in the shortest way in which breaking it shows. The power
 * goes as soon as what is to be kept was acknowledged.
 */
import { describe, expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { type Random, seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { formatTestVolume } from '../support/volume-image.js';

const size = 16 * 2 ** 20;
const who = { uid: 0, gid: 0, pid: 1 };
const name = (text: string | number): Uint8Array => Buffer.from(String(text));
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

interface Mounted {
  readonly disk: SimulatedDisk;
  readonly volume: Volume;
  readonly fs: FileSystem;
}

async function mount(contents?: SparseBytes, slow?: number, journal: JournalMode = 'ordered'): Promise<Mounted> {
  const answers = slow === undefined ? {} : { slow: { random: seededRandom(slow), inPlace: 0.2, turns: 6 } };
  const disk = new SimulatedDisk(size, contents ? { contents, ...answers } : answers);
  if (!contents) await formatTestVolume(disk, 5, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  const volume = await Volume.open(disk, { commitSeconds: 0, cacheBytes: 2 ** 20, journal });
  const fs = new FileSystem(volume, { cacheBytes: 1 << 20 });
  await fs.recover();
  return { disk, volume, fs };
}

/** What another machine finds: of the writes that no barrier has covered, nothing (or what is drawn) is there. */
async function afterPowerCut(
  { disk, volume }: Mounted,
  random: Random = nothingKept,
  journal?: JournalMode,
): Promise<Mounted> {
  const contents = disk.crash(random);
  await volume.abandon();
  return mount(contents, undefined, journal);
}

/** Draws the manner `none` of a cut. */
const nothingKept: Random = () => 0.3;
/** Draws the manner `all`. */
const everythingKept: Random = () => 0;

async function create(fs: FileSystem, called: string | number): Promise<number> {
  const { inode } = await run(() => fs.mknod(1, name(called), 0o100644, 0, 0, who));
  return inode;
}

async function put(fs: FileSystem, inode: number, fill: number, length: number, offset = 0): Promise<void> {
  await run(() => fs.write(inode, offset, new Uint8Array(length).fill(fill), who));
}

/** `5000 x 7` for a file of 5000 bytes that are all 7. */
async function describeFile(fs: FileSystem, called: string | number): Promise<string> {
  const { inode, size: length } = await run(() => fs.lookup(1, name(called)));
  const into = new Uint8Array(length);
  await run(() => fs.read(inode, 0, into));
  return `${length} x ${into.every((byte) => byte === into[0]) ? into[0] : 'mixed'}`;
}

/** `done`, or the code of the error. */
const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error) => (error instanceof FsError ? error.code : String(error)),
  );

const problems = async ({ disk }: Mounted): Promise<unknown[]> =>
  checkVolume(new SimulatedDisk(size, { contents: disk.contents() }), { data: true });

describe('an fsync that has returned', () => {
  it.each([1, 2, 3, 4, 5, 6])('keeps its file, also beside others and on a slow disk (seed %i)', async (seed) => {
    const mounted = await mount(undefined, seed);
    const { fs } = mounted;
    const kept: number[] = [];
    const writer = async (file: number): Promise<void> => {
      await turns(file % 4);
      const inode = await create(fs, file);
      await put(fs, inode, file, 9000);
      await turns(file % 3);
      await fs.fsync(inode, false);
      kept.push(file);
    };
    const all = Array.from({ length: 12 }, (_, i) => writer(i + 1).catch(() => undefined));
    while (kept.length < 3 + seed) await turns(1);
    const again = await afterPowerCut(mounted);
    for (const file of kept) expect(await describeFile(again.fs, file)).toBe(`9000 x ${file}`);
    await Promise.all(all);
  });

  it('keeps it although the journal has gone on in other segments', async () => {
    const mounted = await mount();
    for (let i = 1; i <= 80; i++) {
      const inode = await create(mounted.fs, i);
      await put(mounted.fs, inode, i, 5000);
      await mounted.fs.fsync(inode, false);
    }
    const again = await afterPowerCut(mounted);
    for (let i = 1; i <= 80; i++) expect(await describeFile(again.fs, i)).toBe(`5000 x ${i}`);
  });

  it('keeps what was done while a checkpoint was written', async () => {
    const mounted = await mount(undefined, 3);
    const before = await create(mounted.fs, 'before');
    const commit = mounted.volume.commit();
    await turns(2);
    const during = await create(mounted.fs, 'during');
    await put(mounted.fs, during, 5, 5000);
    await commit;
    await mounted.fs.fsync(during, false);
    const again = await afterPowerCut(mounted);
    expect(await describeFile(again.fs, 'during')).toBe('5000 x 5');
    expect(await run(() => again.fs.lookup(1, name('before')))).toMatchObject({ inode: before });
  });

  it('keeps its record whole when later ones are torn (mode data, small records share pages)', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const mounted = await mount(undefined, undefined, 'data');
      const inode = await create(mounted.fs, 'kept');
      await mounted.fs.settled('names');
      await mounted.fs.fsync(inode, false);
      for (let i = 0; i < 5; i++) {
        await create(mounted.fs, `later${i}`);
        await mounted.fs.settled('names');
      }
      const again = await afterPowerCut(mounted, seededRandom(seed), 'data');
      expect(await run(() => again.fs.lookup(1, name('kept')))).toMatchObject({ inode });
      await again.volume.abandon();
    }
  });

  it('relies on pages that nothing is written to any more, however little they hold (mode data)', async () => {
    const { disk, volume, fs } = await mount(undefined, undefined, 'data');
    const written = new Set<number>();
    let relied: ReadonlySet<number> = new Set();
    disk.guard = (offset, length) => {
      for (let page = Math.floor(offset / 4096); page * 4096 < offset + length; page++) {
        if (relied.has(page)) return `an fsync has relied on page ${page}`;
        // What is longer are zeros, where records are to come.
        if (length <= 4096) written.add(page);
      }
      return undefined;
    };
    for (let i = 0; i < 4; i++) {
      const inode = await create(fs, i);
      await fs.settled('names');
      await fs.fsync(inode, false);
      relied = new Set(written);
    }
    expect(relied.size).toBeGreaterThanOrEqual(4);
    expect(disk.refusals).toEqual([]);
    await volume.abandon();
  });
});

describe('what a replay leaves', () => {
  it('gives no inode number twice, and counts inodes', async () => {
    const mounted = await mount();
    const numbers = new Set<number>();
    for (let i = 0; i < 5; i++) numbers.add(await create(mounted.fs, i));
    await mounted.fs.sync();
    const again = await afterPowerCut(mounted);
    expect(again.volume.inodes).toBe(6);
    for (let i = 5; i < 10; i++) numbers.add(await create(again.fs, i));
    expect(numbers.size).toBe(10);
    await again.volume.commit();
    expect(await problems(again)).toEqual([]);
  });

  it.each([1, 2, 3])('does not apply again what the checkpoint holds (seed %i)', async (seed) => {
    const mounted = await mount(undefined, seed);
    const inode = await create(mounted.fs, 'a');
    await put(mounted.fs, inode, 1, 9000);
    const { generation } = mounted.volume;
    const commit = mounted.volume.commit();
    while (mounted.volume.generation === generation) await turns(1);
    // The record holds what the frozen generation did, as nobody knows yet whether its checkpoint will be durable.
    await put(mounted.fs, inode, 2, 9000);
    await mounted.fs.fsync(inode, false);
    await commit;
    const again = await afterPowerCut(mounted);
    expect(await describeFile(again.fs, 'a')).toBe('9000 x 2');
    await again.volume.commit();
    expect(await problems(again)).toEqual([]);
  });

  it('has no segment of a serial that the crashed mount had used', async () => {
    const mounted = await mount();
    const inode = await create(mounted.fs, 'a');
    await mounted.fs.sync();
    // Large writes go to the log at once: segments that no record and no checkpoint knows of.
    for (let part = 0; part < 5; part++) await put(mounted.fs, inode, 1, 400_000, part * 400_000);
    const used = mounted.volume.state.table.nextSerial;
    const again = await afterPowerCut(mounted, everythingKept);
    const { table, log } = again.volume.state;
    expect(table.serial[log.node.place]).toBeGreaterThanOrEqual(used);
    expect(table.nextSerial).toBeGreaterThanOrEqual(used);
  });

  it('counts inodes as of the last record that is there, when what was waiting took several', async () => {
    const files = 800;
    const counts: number[] = [];
    for (let call = 1; call <= 4; call++) {
      const { disk, volume, fs } = await mount();
      for (let i = 0; i < files; i++) await create(fs, i);
      disk.faults.plan('write', disk.faults.counts.write + call, { what: 'power' });
      await code(fs.sync());
      const again = await mount(disk.crash(everythingKept));
      await volume.abandon();
      counts.push(again.volume.inodes);
      await again.volume.commit();
      expect(await problems(again), `call ${call}`).toEqual([]);
    }
    expect(counts.filter((count) => count > 1 && count <= files)).not.toEqual([]);
  });

  it('gives back a file that was open when its last name went', async () => {
    const mounted = await mount();
    const inode = await create(mounted.fs, 'a');
    mounted.fs.hold(inode);
    await put(mounted.fs, inode, 1, 100_000);
    await mounted.fs.fsync(inode, false);
    await run(() => mounted.fs.unlink(1, name('a'), who));
    await mounted.fs.sync();
    const again = await afterPowerCut(mounted);
    await again.volume.commit();
    expect(again.volume.inodes).toBe(1);
    expect(await problems(again)).toEqual([]);
  });
});

describe('names', () => {
  it('of a file that was written before it got them do not lead to less than it held', async () => {
    const mounted = await mount();
    const other = await create(mounted.fs, 'other');
    for (const way of ['link', 'rename'] as const) {
      const inode = await create(mounted.fs, `${way} from`);
      await put(mounted.fs, inode, 3, 9000);
      if (way === 'link') await run(() => mounted.fs.link(inode, 1, name('link to'), who));
      else await run(() => mounted.fs.rename(1, name('rename from'), 1, name('rename to'), 0, who));
    }
    await put(mounted.fs, other, 1, 10);
    await mounted.fs.fsync(other, false);
    const again = await afterPowerCut(mounted);
    expect(await describeFile(again.fs, 'link to')).toBe('9000 x 3');
    expect(await describeFile(again.fs, 'rename to')).toBe('9000 x 3');
  });

  it('take the attributes along', async () => {
    const { fs } = await mount();
    const inode = await create(fs, 'from');
    await run(() => fs.setxattr(inode, name('user.a'), name('value'), 0, who));
    await run(() => fs.rename(1, name('from'), 1, name('to'), 0, who));
    expect(Buffer.from(await run(() => fs.listxattr(inode))).toString()).toBe('user.a\0');
  });
});

describe('a volume', () => {
  it.each(['write', 'barrier'] as const)('promises nothing more after a %s that failed', async (call) => {
    const mounted = await mount();
    const { disk, fs } = mounted;
    const inode = await create(fs, 'a');
    await put(fs, inode, 1, 5000);
    disk.faults.plan(call, disk.faults.counts[call] + 1, { what: 'error', code: 'EIO' });
    expect(await code(fs.fsync(inode, false))).toBe('EIO');
    expect(await code(fs.fsync(inode, false))).toBe('EIO');
    expect(await code(fs.sync())).toBe('EIO');
    expect(await code(mounted.volume.commit())).toBe('EIO');
    expect(await code(create(fs, 'b'))).toBe('EIO');
  });

  it('says ENOSPC while a commit, and the removal of everything, still fit', async () => {
    const mounted = await mount();
    const { fs, volume } = mounted;
    const inode = await create(fs, 'a');
    const fill = async (): Promise<void> => {
      for (let at = 0; ; at += 50_000) await put(fs, inode, 7, 50_000, at);
    };
    await expect(fill()).rejects.toMatchObject({ code: 'ENOSPC' });
    const { capacity, live, reserved } = volume.statistics();
    expect(live + reserved).toBeLessThanOrEqual(capacity);
    await volume.commit();
    await run(() => fs.unlink(1, name('a'), who));
    await volume.commit();
  });

  it('promises the same room to one alone', async () => {
    const { fs, volume } = await mount();
    const length = Math.floor(volume.statistics().available * 0.6) * 4096;
    const files = [await create(fs, 'a'), await create(fs, 'b'), await create(fs, 'c')];
    const all = await Promise.allSettled(files.map((inode) => run(() => fs.fallocate(inode, 0, 0, length))));
    expect(all.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
    const { capacity, live, reserved } = volume.statistics();
    expect(live + reserved).toBeLessThanOrEqual(capacity);
  });

  it('promises the last of its room', async () => {
    const { fs, volume } = await mount();
    const inode = await create(fs, 'a');
    await volume.commit();
    const length = volume.statistics().available * 4096;
    expect(await code(run(() => fs.fallocate(inode, 0, 0, length + 4096)))).toBe('ENOSPC');
    expect(await code(run(() => fs.fallocate(inode, 0, 0, length)))).toBe('done');
    expect(await run(() => fs.getattr(inode))).toMatchObject({ size: length });
    expect(volume.statistics().available).toBe(0);
  });

  it('gives a promised range back as it is written', async () => {
    const { fs, volume } = await mount();
    const inode = await create(fs, 'a');
    await run(() => fs.fallocate(inode, 0, 0, 400_000));
    await put(fs, inode, 7, 400_000);
    await volume.commit();
    expect(volume.statistics().reserved).toBe(0);
  });
});
