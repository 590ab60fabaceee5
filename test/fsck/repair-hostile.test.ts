/**
 * Repair of volumes that were worked in and then damaged at random: records of every kind scratched under good
 * checksums, bits flipped, pages zeroed or exchanged, checkpoints lost, in volumes that were closed and in ones that
 * crashed. Whatever it was, fsck -y leaves nothing for the next check, and the volume can be written again.
 *
 * More of them: REPAIR_SEEDS=1000-2000 npx vitest run test/fsck/repair-hostile.test.ts
 */
import { beforeAll, expect, test } from 'vitest';
import { slotOffset } from '../../fs/format/geometry.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, chance, type Random, seededRandom } from '../../fs/store/random.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import type { Store } from '../../fs/store/store.js';
import { run } from '../../fs/suspend.js';
import { pageSize } from '../../fs/units.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine } from '../../fsck/check.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { hurt } from '../broken/hurt.js';
import { sampleVolume } from '../broken/sample.js';
import { flip } from '../broken/surgery.js';
import { wornBytes, wornVolume } from '../support/worn-volume.js';

async function strike(store: Store, random: Random): Promise<void> {
  const page = () => below(random, wornBytes / pageSize) * pageSize;
  const used = async () => {
    const bytes = new Uint8Array(pageSize);
    for (let tries = 0; ; tries++) {
      const at = page();
      await store.read(at, bytes);
      if (tries === 200 || bytes.some((byte) => byte !== 0)) return { at, bytes: bytes.slice() };
    }
  };
  switch (below(random, 8)) {
    case 0:
    case 1:
      return flip(store, (await used()).at + below(random, pageSize), below(random, 8));
    case 2:
      return void (await store.write((await used()).at, [new Uint8Array(pageSize)]));
    case 3: {
      const [a, b] = [await used(), await used()];
      await store.write(a.at, [b.bytes]);
      return void (await store.write(b.at, [a.bytes]));
    }
    case 4: {
      const superblock = await readSuperblock(store);
      for (const slot of [0, 1]) {
        if (chance(random, 0.7)) await flip(store, slotOffset(superblock, slot) + below(random, 280));
      }
      return;
    }
    default:
      // Surgery on what is broken already may fail.
      return hurt(store, random).catch(() => undefined);
  }
}

/** The volume is as good as new: it can be checked, and written. */
async function isSound(store: Store, when: string): Promise<void> {
  expect((await examine(store)).problems, when).toEqual([]);
  const volume = await Volume.open(store, { commitSeconds: 3600 });
  const fs = new FileSystem(volume);
  await fs.recover();
  await run(() => fs.mknod(1, Buffer.from('after the repair'), 0o100644, 0, 0, { uid: 0, gid: 0, pid: 1 }));
  await fs.close();
  await volume.close();
  expect((await examine(store)).problems, `${when}, written`).toEqual([]);
}

let images: SparseBytes[] = [];
beforeAll(async () => {
  images = [
    (await sampleVolume()).bytes,
    await wornVolume(1, false),
    await wornVolume(2, true),
    await wornVolume(3, false),
  ];
});

const [from, to] = (process.env.REPAIR_SEEDS ?? '1-60').split('-').map(Number);

test(`seeds ${from} to ${to}`, { timeout: 600_000 }, async () => {
  for (let seed = from; seed <= to; seed++) {
    const random = seededRandom(seed);
    const image = images[seed % images.length];
    const store = new MemoryStore(wornBytes, { bytes: image.copy() });
    for (let n = 1 + below(random, 3); n > 0; n--) await strike(store, random);
    const superblock = await readSuperblock(store).catch(() => undefined);
    if (superblock === undefined) continue;
    const { left } = await repairVolume(store).catch((e) => {
      throw new Error(`seed ${seed}`, { cause: e });
    });
    expect(left.problems, `seed ${seed}`).toEqual([]);
    await isSound(store, `seed ${seed}`);
  }
});
