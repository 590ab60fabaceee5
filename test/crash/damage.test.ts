/**
 * Each checksum and each link of the journal's chain is there for something: bytes are changed in a way that makes
 * sense but for the checksum, and must not be believed.
 */
import { describe, expect, it } from 'vitest';
import { CorruptionError, FsError, VolumeError } from '../../fs/errors.js';
import { planGeometry, slotOffset, tableOffset, tablePages } from '../../fs/format/geometry.js';
import { Superblock } from '../../fs/format/superblock.js';
import { Journal, type JournalPosition } from '../../fs/log/journal.js';
import { readJournal } from '../../fs/log/journal-reader.js';
import { SegmentTable } from '../../fs/log/segment-table.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { run } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { newestCheckpoint, parseSlot, slotPages } from '../../fs/volume/checkpoint-slots.js';
import { readSuperblock, superblockPage } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { fixedSuperblock } from '../../stress/system/superblock.js';
import { onlyOnPlainVolumes, plainOnly } from '../support/plain-volumes.js';
import { formatTestVolume } from '../support/volume-image.js';

const size = 16 * 2 ** 20;
const who = { uid: 0, gid: 0, pid: 1 };
const name = (text: string): Uint8Array => Buffer.from(text);

interface Mounted {
  readonly disk: SimulatedDisk;
  readonly volume: Volume;
  readonly fs: FileSystem;
}

async function mount(disk: SimulatedDisk): Promise<Mounted> {
  const volume = await Volume.open(disk, { commitSeconds: 0 });
  const fs = new FileSystem(volume, { cacheBytes: 1 << 20 });
  await fs.recover();
  return { disk, volume, fs };
}

async function fresh(): Promise<Mounted> {
  const disk = new SimulatedDisk(size);
  await formatTestVolume(disk, 5, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  return mount(disk);
}

/** The disk with all places that hold `from` holding `to`, which has the same length. */
async function swapped(disk: SimulatedDisk, from: string, to: string): Promise<SimulatedDisk> {
  const contents = disk.contents();
  const all = Buffer.alloc(size);
  contents.read(0, all);
  let found = 0;
  for (let at = all.indexOf(from); at >= 0; at = all.indexOf(from, at + 1), found++) contents.write(at, name(to));
  expect(found).toBeGreaterThan(0);
  return new SimulatedDisk(size, { contents });
}

const make = async (fs: FileSystem, called: string): Promise<number> =>
  (await run(() => fs.mknod(1, name(called), 0o100644, 0, 0, who))).inode;

describe('what has rotted is not believed', () => {
  onlyOnPlainVolumes('finds pages by what they hold');

  it('a superblock', async () => {
    const page = superblockPage(fixedSuperblock(size));
    page[Superblock.offsetOf.label] ^= 1;
    const disk = new SimulatedDisk(size);
    disk.write(0, [page]);
    await expect(readSuperblock(disk)).rejects.toThrow(VolumeError);
  });

  it('a checkpoint', async () => {
    const { disk, volume } = await fresh();
    await volume.close();
    const superblock = await readSuperblock(disk);
    const { checkpoint, map } = await newestCheckpoint(disk, superblock);
    for (let at = 0; at < 400; at++) {
      const bytes = slotPages(superblock, checkpoint, map);
      bytes[at] ^= 4;
      expect(parseSlot(superblock, bytes), `byte ${at}`).toBeUndefined();
    }
  });

  it('a page of the segment table', async () => {
    const { disk, volume } = await fresh();
    await volume.close();
    const geometry = await readSuperblock(disk);
    for (let index = 0; index < tablePages(geometry); index++) {
      // The last byte: no place has it.
      for (const copy of [0, 1]) disk.flipBit(tableOffset(geometry, index, copy) + 4095, 0);
    }
    await expect(Volume.open(disk)).rejects.toThrow(VolumeError);
  });

  it('a node', async () => {
    const { disk, volume, fs } = await fresh();
    await make(fs, 'a name in a node');
    await fs.close();
    await volume.close();
    const damaged = await swapped(disk, 'a name in a node', 'another one, see');
    const again = Volume.open(damaged).then(async (opened) => {
      const names: string[] = [];
      await run(() => {
        new FileSystem(opened, { cacheBytes: 1 << 20 }).readdir(1, 0, (entry) => names.push(String(entry)) > 0);
      });
      return names;
    });
    await expect(again).rejects.toThrow();
    await again.catch((e: unknown) =>
      expect(e instanceof FsError || e instanceof CorruptionError || e instanceof VolumeError).toBe(true),
    );
  });

  it('a page of a file', async () => {
    const { disk, volume, fs } = await fresh();
    const inode = await make(fs, 'a');
    await run(() => fs.write(inode, 0, name('these are the bytes '.repeat(1000)), who));
    await fs.close();
    await volume.close();
    const again = await mount(await swapped(disk, 'these are', 'those are'));
    await expect(run(() => again.fs.read(inode, 0, new Uint8Array(20_000)))).rejects.toMatchObject({ code: 'EIO' });
  });

  it('a record', async () => {
    const { disk, volume, fs } = await fresh();
    await make(fs, 'before');
    await fs.sync();
    await make(fs, 'a name in a record');
    await fs.sync();
    await volume.abandon();
    const again = await mount(await swapped(disk, 'a name in a record', 'another one, look!'));
    const names: string[] = [];
    await run(() => again.fs.readdir(1, 0, (entry) => names.push(Buffer.from(entry).toString()) > 0));
    expect(names).toEqual(['.', '..', 'before']);
  });
});

it('a page that rots costs no fsync after it, once its record was known to be durable', async (context) => {
  plainOnly(context, 'finds pages by what they hold');
  const { disk, volume, fs } = await fresh();
  const first = await make(fs, 'first');
  await run(() => fs.write(first, 0, name('these are the bytes '.repeat(1000)), who));
  await fs.fsync(first, false);
  for (const later of ['second', 'third']) {
    const inode = await make(fs, later);
    await fs.fsync(inode, false);
  }
  await volume.abandon();
  const again = await mount(await swapped(disk, 'these are', 'those are'));
  expect(await run(() => again.fs.lookup(1, name('third')))).toMatchObject({ size: 0 });
  await expect(run(() => again.fs.read(first, 0, new Uint8Array(20_000)))).rejects.toMatchObject({ code: 'EIO' });
});

it('a checkpoint that rots leaves the one before whole, whatever was written since', async () => {
  const { disk, volume, fs } = await fresh();
  const file = await make(fs, 'a');
  await run(() => fs.write(file, 0, new Uint8Array(200_000).fill(7), who));
  await volume.commit();
  await run(() => fs.unlink(1, name('a'), who));
  await volume.commit();
  const other = await make(fs, 'b');
  for (let i = 0; i < 8; i++) await run(() => fs.write(other, i * 300_000, new Uint8Array(300_000).fill(9), who));
  await volume.abandon();
  const superblock = await readSuperblock(disk);
  const { checkpoint } = await newestCheckpoint(disk, superblock);
  disk.flipBit(slotOffset(superblock, checkpoint.slot) + 100, 3);
  const again = await mount(new SimulatedDisk(size, { contents: disk.contents() }));
  const { inode, size: length } = await run(() => again.fs.lookup(1, name('a')));
  const into = new Uint8Array(length);
  await run(() => again.fs.read(inode, 0, into));
  expect(length).toBe(200_000);
  expect(into.every((byte) => byte === 7)).toBe(true);
});

describe('the chain of records', () => {
  const geometry = { ...planGeometry(size, 5), brand: 7 };

  /** Three records of epoch 7; the number of those that are found from a position. */
  async function found(epoch: number, change: Partial<JournalPosition> = {}): Promise<number> {
    const disk = new SimulatedDisk(size);
    const table = new SegmentTable(geometry);
    table.index(0);
    const journal = new Journal(disk, table, 7, 0);
    journal.start(1);
    const start = journal.freeze(1);
    for (let i = 0; i < 3; i++) {
      journal.add(new Batch().put(5, 1, 0, name(`value ${i}`)), 2, 0);
      await Promise.all(journal.write(2, { nextInode: 6, inodes: 1 }) ?? []);
      journal.seal();
    }
    let records = 0;
    for await (const record of readJournal(disk, geometry, { ...start, ...change }, epoch))
      records += record.header.batches;
    return records;
  }

  it('is followed to its end', async () => {
    expect(await found(7)).toBe(3);
  });

  it('of another mount is not followed', async () => {
    expect(await found(8)).toBe(0);
  });

  it('is not followed with another predecessor or at another number', async () => {
    expect(await found(7, { journalLast: 99 })).toBe(0);
    expect(await found(7, { journalSequence: 2 })).toBe(0);
  });
});
