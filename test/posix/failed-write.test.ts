/**
 * A disk on which one write fails, the first, the second, ... until nothing meets it: what is read while the failure
 * comes, and after it, is what was written, or EIO; nobody is told that it is durable; the next mount has the old
 * page or the new one.
 */
import { describe, expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { run } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';
import { bytes, root } from './workbench.js';

const page = 4096;
const pages = 80;
const [old, fresh] = [0x61, 0x62];

async function mount(disk: SimulatedDisk): Promise<{ volume: Volume; fs: FileSystem }> {
  const volume = await Volume.open(disk, { commitSeconds: 0, cacheBytes: 2 ** 20 });
  const fs = new FileSystem(volume, { cacheBytes: 4 << 20 });
  await fs.recover();
  return { volume, fs };
}

/** The first byte of each page, all others being alike; `failed` for pages that answer EIO. */
async function look(fs: FileSystem, inode: number): Promise<Set<number | 'failed' | 'mixed'>> {
  const found = new Set<number | 'failed' | 'mixed'>();
  for (let at = 0; at < pages; at++) {
    const into = new Uint8Array(page);
    try {
      await run(() => fs.read(inode, at * page, into));
      found.add(into.every((byte) => byte === into[0]) ? into[0] : 'mixed');
    } catch (e) {
      if (!(e instanceof FsError) || e.code !== 'EIO') throw e;
      found.add('failed');
    }
  }
  return found;
}

/** True if the failure was met. */
async function scenario(write: number, inPlace: number): Promise<boolean> {
  const disk = new SimulatedDisk(16 * 2 ** 20, { slow: { random: seededRandom(write), inPlace, turns: 4 } });
  await formatTestVolume(disk, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  const { volume, fs } = await mount(disk);
  const { inode } = await run(() => fs.mknod(1, bytes('f'), 0o100644, 0, 0, root));
  await run(() => fs.write(inode, 0, new Uint8Array(pages * page).fill(old), root));
  await volume.commit();

  disk.faults.plan('write', disk.faults.counts.write + write, { what: 'error', code: 'EIO' });
  await run(() => fs.write(inode, 0, new Uint8Array(pages * page).fill(fresh), root));
  const durable = fs.fsync(inode, false).then(
    () => true,
    () => false,
  );
  const during = await look(fs, inode);
  const promised = await durable;
  const after = await look(fs, inode);
  const committed = await volume.commit().then(
    () => true,
    () => false,
  );
  for (const found of [during, after]) for (const what of found) expect([fresh, 'failed']).toContain(what);
  if (!promised) expect(committed).toBe(false);
  await volume.abandon();

  const again = await mount(new SimulatedDisk(disk.size, { contents: disk.contents() }));
  const left = await look(again.fs, inode);
  for (const what of left) expect(promised || committed ? [fresh] : [old, fresh]).toContain(what);
  await again.volume.close();
  return !promised || !committed;
}

describe.each([
  ['in place', 1],
  ['late', 0.2],
])('a disk that answers %s', (_, inPlace) => {
  it('never shows what was not written', async () => {
    let write = 1;
    while (await scenario(write, inPlace)) write++;
    expect(write).toBeGreaterThan(5);
  });
});
