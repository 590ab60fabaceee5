/** A repair without a checkpoint to start from: what only snapshots hold is not written over. */
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { placeOffset } from '../../fs/format/geometry.js';
import { runKind } from '../../fs/format/segment-summary.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { seededRandom } from '../../fs/store/random.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import { pageSize } from '../../fs/units.js';
import { SnapshotView } from '../../fs/volume/snapshot-view.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine, survey } from '../../fsck/check.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { readPlace } from '../../fsck/repair/summaries.js';
import { dump } from '../../stress/model/dump.js';
import { loseSlots, losses } from '../broken/losses.js';
import { Worker } from '../support/worker.js';
import { wornBytes, wornVolume } from '../support/worn-volume.js';

async function hashOf(api: FileSystem): Promise<string> {
  const { facts, files } = await dump(api);
  const hash = createHash('sha1').update([...facts].sort().join('\n'));
  for (const [inode, file] of [...files].sort(([a], [b]) => a - b))
    hash.update(`${inode}:`).update(file.read(0, file.size));
  return hash.digest('hex');
}

/** Of the live line and of each snapshot, by name. */
async function hashes(volume: Volume, live: FileSystem): Promise<Map<string, string>> {
  const found = new Map([['', await hashOf(live)]]);
  for (const root of volume.snapshots.list())
    found.set(
      root.name,
      await hashOf(new FileSystem(new SnapshotView(volume, root), { cacheBytes: 1, accessTimes: 'noatime' })),
    );
  return found;
}

const open = async (store: MemoryStore): Promise<[Volume, FileSystem]> => {
  const volume = await Volume.open(store, { commitSeconds: 0, cacheBytes: 2 ** 20 });
  return [volume, new FileSystem(volume, { cacheBytes: 2 ** 22, accessTimes: 'noatime' })];
};

it.each([3, 4])('with both checkpoint slots lost, live line and snapshots are as they were (seed %i)', async (seed) => {
  const store = new MemoryStore(wornBytes, { bytes: await wornVolume(seed, false) });
  const [volume, api] = await open(store);
  const worker = new Worker(api, seededRandom(seed), [1], []);
  for (const name of ['one', 'two', 'three']) {
    await volume.snapshots.create(name);
    for (let i = 0; i < 60; i++) await worker.step();
    await volume.commit();
  }
  await volume.snapshots.remove('two');
  await volume.leaving.idle;
  await api.sync();
  const before = await hashes(volume, api);
  await api.close();
  await volume.close();
  await loseSlots(store, await readSuperblock(store));
  const { left, ledger } = await repairVolume(store);
  expect(left.problems).toEqual([]);
  expect(ledger.losses).toEqual([]);
  expect((await examine(store, { data: true })).problems).toEqual([]);
  const [again, files] = await open(store);
  expect(await hashes(again, files)).toEqual(before);
  await run(() => files.mknod(1, Buffer.from('made after it'), 0o100644, 0, 0, { uid: 0, gid: 0, pid: 1 }));
  await files.close();
  await again.close();
  expect((await examine(store, { data: true })).problems).toEqual([]);
});

/** Two snapshots, and the system tree written anew since; what it holds, by `hashes`. */
let sample: Promise<{ bytes: SparseBytes; before: Map<string, string> }> | undefined;

/** A copy of it. */
async function withSnapshots(): Promise<{ store: MemoryStore; before: Map<string, string> }> {
  sample ??= makeSample();
  const { bytes, before } = await sample;
  return { store: new MemoryStore(wornBytes, { bytes: bytes.copy() }), before };
}

async function makeSample(): Promise<{ bytes: SparseBytes; before: Map<string, string> }> {
  const store = new MemoryStore(wornBytes, { bytes: await wornVolume(5, false) });
  const [volume, api] = await open(store);
  const worker = new Worker(api, seededRandom(5), [1], []);
  for (const name of ['deleted', 'one', 'two']) {
    await volume.snapshots.create(name);
    for (let i = 0; i < 40; i++) await worker.step();
    await volume.commit();
  }
  await volume.snapshots.remove('deleted');
  await volume.leaving.idle;
  for (let i = 0; i < 40; i++) await worker.step();
  await api.sync();
  const before = await hashes(volume, api);
  await api.close();
  await volume.close();
  return { bytes: store.bytes, before };
}

it('snapshots of which the record is lost are found by an older version of it', async () => {
  const { store, before } = await withSnapshots();
  await losses['the root of the system tree'](store, await survey(store));
  const { left, ledger } = await repairVolume(store);
  expect([left.problems, ledger.losses]).toEqual([[], []]);
  const [again, files] = await open(store);
  expect(await hashes(again, files)).toEqual(before);
  for (const name of ['one', 'two']) await again.snapshots.remove(name);
  await again.leaving.idle;
  await files.close();
  await again.close();
  await repairVolume(store);
  expect((await examine(store, { data: true })).problems).toEqual([]);
});

it('with both checkpoint slots lost too, an older copy of the checkpoint counts that leads to them', async () => {
  const { store, before } = await withSnapshots();
  const seen = await survey(store);
  await losses['the root of the system tree'](store, seen);
  await loseSlots(store, seen.superblock);
  const { left, ledger } = await repairVolume(store);
  expect([left.problems, ledger.losses]).toEqual([[], []]);
  const [again, files] = await open(store);
  const after = await hashes(again, files);
  for (const name of ['one', 'two']) expect(after.get(name)).toBe(before.get(name));
  await files.close();
  await again.close();
});

it('where none is left, it says that the newest snapshot is lost', async () => {
  const { store } = await withSnapshots();
  const { superblock, checkpoint } = await survey(store);
  for (let place = 0; place < superblock.places; place++) {
    for (const { runs } of (await readPlace(store, superblock, place)).summaries)
      for (const { kind, page, pages } of runs)
        if (kind === runKind.systemNode)
          await store.write(placeOffset(superblock, place, page), [new Uint8Array(pages * pageSize)]);
  }
  const { left, ledger } = await repairVolume(store);
  expect(left.problems).toEqual([]);
  expect(ledger.losses).toEqual([
    { path: `snapshot #${checkpoint.newestRoot}`, what: expect.stringMatching('newest') },
  ]);
});
