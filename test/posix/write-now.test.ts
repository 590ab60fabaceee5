/** Mode `data`: a write that has to wait has not changed anything yet. */
import { expect, it } from 'vitest';
import { itemKind } from '../../fs/format/item.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run, Suspend } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';
import { bytes, root } from './workbench.js';

it('the first extent of a file, where the leaf before its own must be read', async () => {
  const store = new MemoryStore(16 * 2 ** 20);
  await formatTestVolume(store, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  const volume = await Volume.open(store, { journal: 'data', commitSeconds: 0 });
  const fs = new FileSystem(volume, { cacheBytes: 4 << 20 });
  const { inode } = await run(() => fs.mknod(1, bytes('f'), 0o100644, 0, 0, root));
  const sizes: number[] = [];
  const floor = volume.floor.bind(volume);
  volume.floor = (of, kind, offset) => {
    if (of === inode && kind === itemKind.extent && sizes.push(fs.getattr(inode).size) === 1)
      throw new Suspend(Promise.resolve(), 'node');
    return floor(of, kind, offset);
  };
  await run(() => fs.write(inode, 0, new Uint8Array(3 * 4096).fill(5), root));
  expect(sizes[0]).toBe(0);
  await volume.close();
});
