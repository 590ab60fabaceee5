/**
 * The process dies after it has written a checkpoint and before the barrier that makes it durable. The next process
 * reads that checkpoint from the host's memory, and then the power goes: only what a barrier covered is sure to be
 * there, so nothing may have been built on the checkpoint before it was durable.
 */
import { expect, it } from 'vitest';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { type Random, seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import { run } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { formatTestVolume } from '../support/volume-image.js';

const size = 16 * 2 ** 20;
const who = { uid: 0, gid: 0, pid: 1 };

/** A disk on which the newest checkpoint is written and not durable, and a file `kept` was synced before. */
async function afterTheFirstProcess(clean: boolean): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(size);
  await formatTestVolume(disk, 5, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  const volume = await Volume.open(disk, { commitSeconds: 0 });
  const fs = new FileSystem(volume, { cacheBytes: 4 << 20 });
  const { inode } = await run(() => fs.mknod(1, Buffer.from('kept'), 0o100644, 0, 0, who));
  for (let round = 1; round <= 3; round++) {
    await run(() => fs.write(inode, 0, new Uint8Array(300_000).fill(round), who));
    await volume.commit();
  }
  await run(() => fs.write(inode, 0, new Uint8Array(300_000).fill(4), who));
  await fs.fsync(inode, false);
  // The barrier behind the slot is the second one of a checkpoint.
  disk.faults.plan('barrier', disk.faults.counts.barrier + 2, { what: 'error', code: 'EIO' });
  await expect(clean ? volume.close() : volume.commit()).rejects.toThrow();
  disk.faults.clear();
  await volume.abandon();
  return disk;
}

/** Draws the manner `last` of a cut of `all` writes: the first `lost` of them are lost, the others there. */
function firstLost(lost: number, all: number): Random {
  const draws = [0.7, (lost + 0.5) / (all + 1)];
  return () => draws.shift() ?? 0;
}

it.each([
  ['at work', false],
  ['at its close', true],
])('a checkpoint that another process left %s is made durable before it is built on', async (_, clean) => {
  for (let seed = 0; seed <= 12; seed++) {
    const disk = await afterTheFirstProcess(clean);
    const left = disk.unsettled;
    expect(left).toBeGreaterThan(0);
    disk.faults.plan('barrier', disk.faults.counts.barrier + 1 + (seed % 3), { what: 'power' });
    await Volume.open(disk, { commitSeconds: 0 }).catch(() => undefined);
    // The worst, at the first barrier: all that the second process wrote is there, and what the first one left is not.
    const random = seed === 0 ? firstLost(left, disk.unsettled) : seededRandom(seed);
    const contents = disk.crash(random);
    const again = new SimulatedDisk(size, { contents });
    const volume = await Volume.open(again, { commitSeconds: 0 });
    const fs = new FileSystem(volume, { cacheBytes: 4 << 20 });
    const { inode } = await run(() => fs.lookup(1, Buffer.from('kept')));
    const into = new Uint8Array(300_000);
    expect(await run(() => fs.read(inode, 0, into))).toBe(300_000);
    expect(
      into.every((byte) => byte === 4),
      `seed ${seed}`,
    ).toBe(true);
    await volume.close();
    expect(await checkVolume(again, { data: true }), `seed ${seed}`).toEqual([]);
  }
});
