/** Nodes of the tree in memory stay within their budget, whatever fills it; and an operation that needs more gets them. */
import { expect, it } from 'vitest';
import { itemKind } from '../../fs/format/item.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { seededRandom } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';

const files = 12_000;
const who = { uid: 0, gid: 0, pid: 1 };

it('also where files are made and nothing is read', async () => {
  const store = new MemoryStore(64 * 2 ** 20, { shuffled: { random: seededRandom(3) } });
  await formatTestVolume(store, undefined, initialItems({ seconds: 5, nanos: 6 }, 0, 0, 0o755));
  const volume = await Volume.open(store, { commitSeconds: 0, journal: 'none', cacheBytes: 2 ** 20 });
  const fs = new FileSystem(volume);
  const { cache } = volume.state;
  let most = 0;
  for (let i = 0, directory = 1; i < files; i++) {
    if (i % 500 === 0) {
      await volume.commit();
      most = Math.max(most, cache.size - cache.dirty);
      directory = (await run(() => fs.mkdir(1, Buffer.from(`d${i}`), 0o755, 0, who))).inode;
    }
    await run(() => fs.mknod(directory, Buffer.from(`f${i}`), 0o100644, 0, 0, who));
  }
  await volume.commit();
  expect([cache.budget, most <= cache.budget, volume.state.main.nodes > cache.budget]).toEqual([64, true, true]);

  let attempts = 0;
  await run(() => {
    if (++attempts > 10 * volume.state.main.nodes) throw new Error('it starts again for ever');
    for (let inode = 2; inode < files; inode += 10) volume.get(inode, itemKind.inode, 0);
  });
  expect(cache.size).toBeGreaterThan(cache.budget);
  await run(() => fs.mkdir(1, Buffer.from('last'), 0o755, 0, who));
  await volume.commit();
  expect(cache.size).toBeLessThanOrEqual(cache.budget);
  await fs.close();
  await volume.close();
});
