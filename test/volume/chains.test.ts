/** Chains of transforms that a volume gets while it is used: durable before they are, whatever else happens. */
import { expect, test, vi } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import type { Store } from '../../fs/store/store.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine } from '../../fsck/check.js';
import { fixedSuperblock } from '../../stress/system/superblock.js';
import { plainOnly } from '../support/plain-volumes.js';

const mebibyte = 2 ** 20;

async function made(places?: number): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(32 * mebibyte);
  await Volume.format(disk, {
    superblock: fixedSuperblock(16 * mebibyte, 5, places),
    initial: initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755),
  });
  return disk;
}

const open = (store: Store): Promise<Volume> => Volume.open(store, { commitSeconds: 0 });

test('a chain that is asked for while the volume grows is there, and so is the room', async (context) => {
  plainOnly(context, 'counts chains from the first');
  const disk = await made();
  const volume = await open(disk);
  const before = volume.statistics().capacity;
  await Promise.all([
    volume.transforms.demand('deflate:3'),
    volume.upkeep.resize(32 * mebibyte),
    volume.transforms.demand('lz4'),
    volume.transforms.demand('deflate:3'),
  ]);
  await volume.close();
  const again = await open(disk);
  const { chains, flagged } = again.transforms;
  expect([chains.find('deflate:3')?.number, chains.find('lz4')?.number, flagged]).toEqual([1, 2, 2]);
  expect(again.statistics().capacity).toBeGreaterThan(1.5 * before);
  await again.close();
  expect((await examine(disk, { data: true })).problems).toEqual([]);
});

test('a power cut at any write leaves the volume with the chain or without it, and sound', async () => {
  const image = (await made(64)).contents();
  let entered = 0;
  for (let at = 1, over = false; !over; at++) {
    const disk = new SimulatedDisk(32 * mebibyte, { contents: image.copy() });
    const volume = await open(disk);
    let writes = 0;
    let cut: SparseBytes | undefined;
    disk.guard = () => {
      if (++writes === at) cut = disk.crash(seededRandom(at));
      return undefined;
    };
    const done = await volume.transforms.demand('deflate').then(
      () => true,
      () => false,
    );
    await volume.abandon();
    over = done;
    const left = new SimulatedDisk(32 * mebibyte, { contents: cut ?? disk.crash(seededRandom(at)) });
    const after = await open(left);
    if (after.transforms.chains.find('deflate') !== undefined) entered++;
    else expect(done).toBe(false);
    await after.close();
    expect((await examine(left, {})).problems).toEqual([]);
  }
  expect(entered).toBeGreaterThan(0);
});

test('a chain whose superblock could not be written is unknown, and can be asked for again', async (context) => {
  plainOnly(context, 'counts chains from the first');
  const volume = await open(await made());
  const { transforms, checkpoints } = volume;
  vi.spyOn(checkpoints, 'switchTo').mockRejectedValueOnce(new FsError('EIO', 'read'));
  await expect(transforms.demand('deflate:3')).rejects.toThrow('EIO');
  expect(transforms.chains.find('deflate:3')).toBeUndefined();
  expect((await transforms.demand('deflate:3')).number).toBe(1);
  await volume.close();
});
