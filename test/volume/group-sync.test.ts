/** What fsync makes durable, what it costs when many ask at once, and who has to wait for it. */
import { describe, expect, it, vi } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { run } from '../../fs/suspend.js';
import { journalModes } from '../../fs/volume/journal-mode.js';
import type { VolumeOptions } from '../../fs/volume/options.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';

const size = 16 * 2 ** 20;
const who = { uid: 0, gid: 0, pid: 1 };
const bytes = (text: string): Uint8Array => Buffer.from(text);

/** A disk whose barriers wait until they are let go. */
class PatientDisk extends SimulatedDisk {
  barriers = 0;
  private open: Promise<void> = Promise.resolve();
  private release = (): void => undefined;

  hold(): void {
    this.open = new Promise((resolve) => {
      this.release = resolve;
    });
  }

  go(): void {
    this.release();
  }

  override barrier(): Promise<void> | undefined {
    this.barriers++;
    return this.open.then(() => super.barrier());
  }
}

/** A disk that answers barriers in place. */
class QuickDisk extends SimulatedDisk {
  barriers = 0;

  override barrier(): Promise<void> | undefined {
    this.barriers++;
    return super.barrier();
  }
}

async function mount(disk: SimulatedDisk, options: VolumeOptions = {}): Promise<{ volume: Volume; fs: FileSystem }> {
  const volume = await Volume.open(disk, { commitSeconds: 0, ...options });
  const fs = new FileSystem(volume, { cacheBytes: 4 << 20 });
  await fs.recover();
  return { volume, fs };
}

async function newDisk(): Promise<PatientDisk> {
  const disk = new PatientDisk(size);
  await formatTestVolume(disk, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  return disk;
}

const create = (fs: FileSystem, parent: number, name: string): Promise<number> =>
  run(() => fs.mknod(parent, bytes(name), 0o100644, 0, 0, who).inode);

/** After a power cut that takes everything that no barrier covered. */
async function afterCut(disk: SimulatedDisk): Promise<FileSystem> {
  // The seed is one whose outcome is that nothing of what was pending stays.
  const lost = [...Array(50).keys()].map((seed) => disk.crash(seededRandom(seed)));
  const fewest = lost.reduce((a, b) => (a.stored <= b.stored ? a : b));
  return (await mount(new SimulatedDisk(size, { contents: fewest }))).fs;
}

describe.each(journalModes)('fsync with journal=%s', (journal) => {
  it('makes the name of the file durable, and the directories that lead to it', async () => {
    const disk = await newDisk();
    const { fs } = await mount(disk, { journal });
    const directory = await run(() => fs.mkdir(1, bytes('d'), 0o755, 0, who).inode);
    const below = await run(() => fs.mkdir(directory, bytes('e'), 0o755, 0, who).inode);
    const file = await create(fs, below, 'first');
    await run(() => fs.write(file, 0, bytes('contents'), who));
    await run(() => fs.rename(below, bytes('first'), directory, bytes('second'), 0, who));
    await fs.fsync(file, true);
    const again = await afterCut(disk);
    const found = await run(() => again.lookup(again.lookup(1, bytes('d')).inode, bytes('second')));
    const into = new Uint8Array(8);
    await run(() => again.read(found.inode, 0, into));
    expect([found.inode, Buffer.from(into).toString()]).toEqual([file, 'contents']);
  });

  it('of a directory makes all files durable', async () => {
    const disk = await newDisk();
    const { fs } = await mount(disk, { journal });
    for (let i = 0; i < 20; i++) {
      const file = await create(fs, 1, `f${i}`);
      await run(() => fs.write(file, 0, bytes(`contents of ${i}`), who));
    }
    await fs.sync();
    const again = await afterCut(disk);
    for (let i = 0; i < 20; i++) {
      expect((await run(() => again.lookup(1, bytes(`f${i}`)))).size).toBe(`contents of ${i}`.length);
    }
  });

  it('is shared by all who ask while one is under way, and others are served meanwhile', async () => {
    const disk = await newDisk();
    const { fs, volume } = await mount(disk, { journal });
    const files: number[] = [];
    for (let i = 0; i < 12; i++) files.push(await create(fs, 1, `f${i}`));
    await volume.commit();
    disk.hold();
    const before = disk.barriers;
    let durable = 0;
    const syncs = files.map(async (file, i) => {
      await run(() => fs.write(file, 0, bytes(`contents of ${i}`), who));
      await fs.fsync(file, false);
      durable++;
    });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    const directory = await run(() => fs.mkdir(1, bytes('d'), 0o755, 0, who).inode);
    await fs.settled('names');
    expect((await run(() => fs.lookup(1, bytes('d')))).inode).toBe(directory);
    expect((await run(() => fs.getattr(files[3]))).size).toBe('contents of 3'.length);
    expect(durable).toBe(0);
    disk.go();
    await Promise.all(syncs);
    // One group that began at once, one for all the others; a checkpoint takes two barriers.
    expect(disk.barriers - before).toBeLessThanOrEqual(journal === 'none' ? 4 : 2);
    await volume.close();
  });
});

it('lets in who is at the door, where barriers are answered in place', async () => {
  const disk = new QuickDisk(size);
  await formatTestVolume(disk, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  const { fs, volume } = await mount(disk);
  const files: number[] = [];
  for (let i = 0; i < 8; i++) files.push(await create(fs, 1, `f${i}`));
  const write = async (i: number): Promise<void> => {
    await run(() => fs.write(files[i], 0, bytes(`contents of ${i}`), who));
    await fs.fsync(files[i], false);
  };
  let [looks, others]: [number, Promise<void>[]] = [0, []];
  volume.gather = async () => {
    looks++;
    others = files.slice(1).map((_, i) => write(i + 1));
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    volume.gather = async () => {
      looks++;
    };
  };
  const before = disk.barriers;
  await Promise.all([write(0), ...others]);
  await Promise.all(others);
  expect([disk.barriers - before, looks]).toEqual([1, 1]);
  // Nobody comes any more: after some looks in vain a writer goes alone, and looks now and then.
  for (let n = 0; n < 100; n++) await write(0);
  expect(looks).toBeLessThan(30);
  const again = await afterCut(disk);
  for (let i = 0; i < 8; i++) {
    expect((await run(() => again.lookup(1, bytes(`f${i}`)))).size).toBe(`contents of ${i}`.length);
  }
});

it.each(['ordered', 'data'] as const)(
  'a checkpoint in place of a record that could not be read for is no failure of the volume: %s',
  async (journal) => {
    const { volume, fs } = await mount(await newDisk(), { journal });
    const { inode } = await run(() => fs.mknod(1, bytes('f'), 0o100644, 0, 0, who));
    vi.spyOn(volume.state.journal, 'write').mockReturnValue(undefined);
    vi.spyOn(volume.checkpoints, 'checkpoint').mockRejectedValueOnce(new FsError('EIO', 'read'));
    const durable = async () => (journal === 'data' ? volume.handOver() : fs.fsync(inode, false));
    await expect(durable()).rejects.toThrow('EIO');
    expect(volume.failure).toBeUndefined();
    await durable();
    expect(volume.state.journal.waitingBytes).toBe(0);
    await fs.close();
    await volume.close();
  },
);
