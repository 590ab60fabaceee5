/** `.snapshots` beside its mount tests: operations that begin again at odd moments, and numbers of roots. */
import { expect, it } from 'vitest';
import { FsError } from '../../../fs/errors.js';
import type { Attributes } from '../../../fs/posix/api.js';
import { FileSystem } from '../../../fs/posix/filesystem.js';
import { initialItems } from '../../../fs/posix/namespace/root-directory.js';
import { Roots } from '../../../fs/posix/snapshots/roots.js';
import { SnapshotDirectory } from '../../../fs/posix/snapshots/snapshot-directory.js';
import { MemoryStore } from '../../../fs/store/memory.js';
import { run, Suspend } from '../../../fs/suspend.js';
import type { KeptRoot } from '../../../fs/volume/kept-roots.js';
import { Volume } from '../../../fs/volume/volume.js';
import { formatTestVolume } from '../../support/volume-image.js';

const name = Buffer.from('one');
const time = { seconds: 1, nanos: 0 };

it('mkdir succeeds also where the root of the new snapshot must be read first', async () => {
  const made: KeptRoot[] = [];
  let misses = 2;
  const keeper = {
    list: () => made,
    find: (wanted: string) => made.find((root) => root.name === wanted),
    create: async (wanted: string) => made.push({ id: 1, name: wanted } as KeptRoot),
    remove: async () => undefined,
    rename: async () => undefined,
    enter: () => {
      if (misses-- > 0) throw new Suspend(Promise.resolve(), 'node');
      return { inode: 1 } as Attributes;
    },
    statfs: () => ({ pages: 0, freePages: 0, availablePages: 0, inodes: 0, freeInodes: 0 }),
  };
  const directory = new SnapshotDirectory(keeper, { uid: 0, gid: 0 }, 0xffff, time);
  expect((await run(() => directory.mkdir(1, name))).inode).toBe(1);
  await expect(run(() => directory.mkdir(1, name))).rejects.toThrow(FsError);
});

it('numbers of snapshots that are gone are given back, however many came and went', async () => {
  const store = new MemoryStore(16 * 2 ** 20);
  await formatTestVolume(store, undefined, initialItems(time, 0, 0, 0o755));
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const fs = new FileSystem(volume);
  const roots = new Roots(volume, fs, { owner: { uid: 0, gid: 0 } });
  const one = await volume.snapshots.create('one');
  // Each looked at once; only the first is still there.
  for (let id = one.id; id < one.id + 1000; id++) {
    const root = { ...one, id };
    volume.state.roots.set(root);
    await run(() => roots.enter(root));
    if (id > one.id) volume.state.roots.delete(id);
  }
  expect((await run(() => roots.enter(one))).root).toBe(1 + one.id);
  expect(Reflect.get(roots, 'entered').size).toBeLessThan(100);
  await fs.close();
  await volume.close();
});
