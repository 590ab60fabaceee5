/**
 * The newer checkpoint slot is lost, by a sector that has rotted or can't be read: the volume begins with the older one,
 * and takes from the journal what can be added to that. If records show that more was there, it asks first.
 */
import { expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { slotOffset } from '../../fs/format/geometry.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { pageSize, rootInode } from '../../fs/units.js';
import { JournalDamage } from '../../fs/volume/recovery.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { allowSafe } from '../../fsck/repair/permission.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { BadSectors } from '../support/bad-sectors.js';
import { formatTestVolume } from '../support/volume-image.js';

const who = { uid: 0, gid: 0, pid: 1 };
const named = (name: string): Buffer => Buffer.from(name);

interface Mounted {
  readonly volume: Volume;
  readonly fs: FileSystem;
}

async function mounted(disk: BadSectors, cutJournal = false): Promise<Mounted> {
  const volume = await Volume.open(disk, { commitSeconds: 0, cutJournal });
  const fs = new FileSystem(volume);
  await fs.recover();
  return { volume, fs };
}

async function formatted(): Promise<BadSectors> {
  const disk = new BadSectors(new MemoryStore(16 * 2 ** 20));
  await formatTestVolume(disk, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  return disk;
}

const make = ({ fs }: Mounted, name: string) => run(() => fs.mknod(rootInode, named(name), 0o100644, 0, 0, who));

function names({ fs }: Mounted): Promise<string[]> {
  return run(() => {
    const found: string[] = [];
    fs.readdir(rootInode, 0, (name) => found.push(Buffer.from(name).toString()) > 0);
    return found.filter((name) => !name.startsWith('.')).sort();
  });
}

/** Offset of the slot that was written last. */
const newerSlot = ({ volume: { state } }: Mounted): number => slotOffset(state.geometry, 1 - state.slot);

async function closed({ volume, fs }: Mounted): Promise<void> {
  await fs.close();
  await volume.close();
}

/** The power goes, and with it the slot that was written last. */
async function lose(disk: BadSectors, before: Mounted): Promise<void> {
  const slot = newerSlot(before);
  await before.volume.abandon();
  await disk.write(slot, [new Uint8Array(pageSize)]);
}

/** The newest checkpoint has contents of file 'a' that no record holds. */
async function beyondRecords(disk: BadSectors): Promise<Mounted> {
  const made = await mounted(disk);
  const { inode } = await make(made, 'a');
  await made.volume.commit();
  await run(() => made.fs.write(inode, 0, new Uint8Array(50_000).fill(7), who));
  await made.volume.commit();
  return made;
}

it('what only the lost checkpoint held is missed: no record that builds on it is replayed, and none is left out in silence', async () => {
  const disk = await formatted();
  const before = await beyondRecords(disk);
  await run(() => before.fs.rename(rootInode, named('a'), rootInode, named('b'), 0, who));
  await before.fs.sync();
  await lose(disk, before);
  await expect(mounted(disk)).rejects.toThrow(/checkpoint on which record 1 of the journal builds is lost; run fsck/);
  const after = await mounted(disk, true);
  expect(await names(after)).toEqual(['a']);
  await closed(after);
  expect(await checkVolume(disk)).toEqual([]);
});

it('all is there if the records hold what the lost checkpoint did', async () => {
  const disk = await formatted();
  const before = await mounted(disk);
  await make(before, 'a');
  await before.fs.sync();
  await before.volume.commit();
  await make(before, 'b');
  await before.fs.sync();
  await lose(disk, before);
  const after = await mounted(disk);
  expect(await names(after)).toEqual(['a', 'b']);
  await closed(after);
  expect(await checkVolume(disk)).toEqual([]);
});

it('records of the line that the lost checkpoint made live are not those of the one before', async () => {
  const disk = await formatted();
  const before = await mounted(disk);
  await make(before, 'a');
  await before.volume.snapshots.create('one');
  await before.volume.lines.clone('one', 'other');
  await before.fs.close();
  await before.volume.lines.turnTo('other');
  const other = { volume: before.volume, fs: new FileSystem(before.volume) };
  await make(other, 'b');
  await other.fs.sync();
  await lose(disk, other);
  await expect(mounted(disk)).rejects.toThrow(JournalDamage);
  const after = await mounted(disk, true);
  expect(after.volume.lines.live).toBe('');
  expect(await names(after)).toEqual(['a']);
  expect(after.volume.inodes).toBe(2);
  await closed(after);
  expect(await checkVolume(disk)).toEqual([]);
});

it('fsck says that a checkpoint is lost, and cuts the journal if it is told to', async () => {
  const disk = await formatted();
  const before = await beyondRecords(disk);
  await make(before, 'b');
  await before.fs.sync();
  await lose(disk, before);
  const careful = await repairVolume(disk, { allow: allowSafe });
  expect(careful.left.problems.map(({ code }) => code)).toContain('journal');
  await expect(mounted(disk)).rejects.toThrow(JournalDamage);
  const { found, left, ledger } = await repairVolume(disk);
  expect(found.problems.map(({ invariant }) => invariant)).toContain('C4');
  expect(ledger.losses.map(({ path }) => path)).toContain('/');
  expect(left.problems).toEqual([]);
  const after = await mounted(disk);
  expect(await names(after)).toEqual(['a']);
  await closed(after);
});

it("a slot that can't be read counts as lost, for a mount and for fsck; two of them are an error", async () => {
  const disk = await formatted();
  const before = await mounted(disk);
  await make(before, 'a');
  await before.fs.sync();
  await before.volume.commit();
  const slots = [0, 1].map((slot) => slotOffset(before.volume.state.geometry, slot));
  const newer = newerSlot(before);
  await before.volume.abandon();
  for (const slot of slots) disk.lost.add(slot / pageSize);
  await expect(Volume.open(disk)).rejects.toThrow('EIO');
  disk.lost.clear();
  disk.lost.add(newer / pageSize);
  const after = await mounted(disk);
  expect(await names(after)).toEqual(['a']);
  await closed(after);
  expect(disk.lost.size).toBe(0);
  disk.lost.add(slots[after.volume.state.slot] / pageSize);
  expect((await checkVolume(disk)).map(({ code }) => code)).toEqual(['checkpoint-slot']);
  // A repair goes on from the copies of checkpoints in the log, and writes both.
  for (const slot of slots) disk.lost.add(slot / pageSize);
  await repairVolume(disk);
  expect(disk.lost.size).toBe(0);
  const repaired = await mounted(disk);
  expect(await names(repaired)).toEqual(['a']);
  await closed(repaired);
});

it('a torn slot does not come to life when the one that is written over it is torn as well', async () => {
  const disk = await formatted();
  const first = await mounted(disk);
  await make(first, 'one');
  await first.volume.commit();
  const slot = newerSlot(first);
  await first.volume.abandon();
  // Of the newer one the map did not get there.
  const map = new Uint8Array(pageSize);
  await disk.read(slot + pageSize, map);
  await disk.write(slot + pageSize, [new Uint8Array(pageSize).fill(1)]);
  const write = disk.write.bind(disk);
  disk.write = (offset, buffers) => {
    // The power goes when a checkpoint is written there, of which the map gets there: it is the same.
    if (offset === slot && buffers[0].length > pageSize) throw new FsError('EIO', 'write');
    return write(offset, buffers);
  };
  await expect(Volume.open(disk, { commitSeconds: 0 })).rejects.toThrow();
  disk.write = write;
  await disk.write(slot + pageSize, [map]);
  await closed(await mounted(disk));
  expect(await checkVolume(disk)).toEqual([]);
});

it('a slot that can be read the second time is not lost', async () => {
  const disk = await formatted();
  const first = await mounted(disk);
  await make(first, 'one');
  await first.volume.commit();
  const slot = newerSlot(first);
  await first.volume.abandon();
  const read = disk.read.bind(disk);
  let failures = 1;
  disk.read = (offset, into) => {
    if (offset === slot && failures-- > 0) throw new FsError('EIO', 'read');
    return read(offset, into);
  };
  const second = await mounted(disk);
  expect(await names(second)).toEqual(['one']);
  await closed(second);
});
