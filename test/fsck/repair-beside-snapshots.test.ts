/** A volume with a snapshot is repaired like one without: the snapshot loses nothing by it, and the live tree no more. */
import { describe, expect, test } from 'vitest';
import { itemKind } from '../../fs/format/item.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine, survey } from '../../fsck/check.js';
import type { Problem } from '../../fsck/problem.js';
import { allowSafe } from '../../fsck/repair/permission.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { breakages } from '../broken/breakages.js';
import { losses } from '../broken/losses.js';
import { applying, inodeOf, sampleVolume } from '../broken/sample.js';
import { flip, offsetOfAddress } from '../broken/surgery.js';
import { itemsOf } from '../support/items-of.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';
import { formatTestVolume } from '../support/volume-image.js';
import { wornBytes } from '../support/worn-volume.js';

onlyOnPlainVolumes('lays nodes, extents and records by hand');

const broken = async (make: (kept?: string) => Promise<unknown>): Promise<MemoryStore> =>
  (await make('kept')) as MemoryStore;
const ofLive = (problems: readonly Problem[]): Problem[] =>
  problems.filter(({ code, snapshot }) => code !== 'data' && snapshot === undefined);

describe('beside a snapshot, fsck -y repairs', () => {
  test.each(breakages)('$code: $what', async ({ make }) => {
    const store = await broken(make);
    const before = await itemsOf(store, 'kept');
    const { left } = await repairVolume(store);
    expect(ofLive(left.problems)).toEqual([]);
    const after = await itemsOf(store, 'kept');
    // The records of the snapshot itself may have been what was broken.
    if (after.size > 0) expect([...before].filter(([key, value]) => after.get(key) !== value)).toEqual([]);
  });
});

// One in so many: the others differ in what is repaired, not in what is kept.
const some = breakages.filter((_, i) => i % 4 === 1);

describe('a snapshot that stayed beside a repair can be deleted', () => {
  test.each(some)('$code: $what', async ({ make }) => {
    const store = await broken(make);
    await repairVolume(store);
    const volume = await Volume.open(store, { commitSeconds: 3600 });
    await volume.snapshots.remove('kept');
    await volume.leaving.idle;
    await volume.close();
    const { left } = await repairVolume(store);
    expect(ofLive(left.problems)).toEqual([]);
    expect((await examine(store)).problems.filter(({ code }) => code !== 'data')).toEqual([]);
  });
});

describe('beside a snapshot, fsck -p', () => {
  test.each(some)('gives back nothing that may be needed: $code: $what', async ({ make }) => {
    const store = await broken(make);
    const before = await itemsOf(store, 'kept');
    await repairVolume(store, { allow: allowSafe });
    const after = await itemsOf(store, 'kept');
    expect([...before].filter(([key, value]) => after.get(key) !== value)).toEqual([]);
  });
});

test('damage in a snapshot alone is told with its name, and all that is recorded as in use stays', async () => {
  const store = await sampleVolume(
    applying((batch) => batch.put(inodeOf.small, itemKind.inline, 0, Buffer.from('HELLO'))),
    'kept',
  );
  const { roots, image } = await survey(store);
  await flip(store, (await offsetOfAddress(store, roots.roots[0].pointer.address)) + 100);
  const { found, left, corrected } = await repairVolume(store, { allow: allowSafe });
  expect(found.problems).toEqual([expect.objectContaining({ code: 'node-checksum', snapshot: 'kept' })]);
  expect(left.livePages).toBe(image.claims.total);
  expect(corrected).toBe(false);
});

test('what only a snapshot has stays there when the nodes above the leaves are lost', async () => {
  const store = new MemoryStore(wornBytes);
  await formatTestVolume(store, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  const volume = await Volume.open(store, { commitSeconds: 3600 });
  const fs = new FileSystem(volume, { cacheBytes: 2 ** 22 });
  const who = { uid: 0, gid: 0, pid: 1 };
  const name = (i: number): Uint8Array => Buffer.from(`file ${i}`);
  for (let i = 0; i < 400; i++) {
    const { inode } = await run(() => fs.mknod(1, name(i), 0o100644, 0, 0, who));
    await run(() => fs.write(inode, 0, Buffer.alloc(200, i), who));
  }
  await fs.sync();
  await volume.snapshots.create('kept');
  for (let i = 200; i < 400; i++) await run(() => fs.unlink(1, name(i), who));
  await fs.close();
  await volume.close();
  const [live, kept] = [await itemsOf(store), await itemsOf(store, 'kept')];
  expect(kept.size).toBeGreaterThan(live.size + 400);
  await losses['the root of the tree'](store, await survey(store));
  const { left, ledger } = await repairVolume(store);
  expect([left.problems, ledger.losses]).toEqual([[], []]);
  expect(await itemsOf(store)).toEqual(live);
  expect(await itemsOf(store, 'kept')).toEqual(kept);
});
