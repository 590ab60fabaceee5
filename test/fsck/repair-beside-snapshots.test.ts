/** A volume with a snapshot is repaired like one without: the snapshot loses nothing by it, and the live tree no more. */
import { describe, expect, test } from 'vitest';
import { itemKind } from '../../fs/format/item.js';
import type { MemoryStore } from '../../fs/store/memory.js';
import { Volume } from '../../fs/volume/volume.js';
import { examine, survey } from '../../fsck/check.js';
import type { Problem } from '../../fsck/problem.js';
import { allowSafe } from '../../fsck/repair/permission.js';
import { repairVolume } from '../../fsck/repair/repair.js';
import { breakages } from '../broken/breakages.js';
import { applying, inodeOf, sampleVolume } from '../broken/sample.js';
import { flip, offsetOfAddress } from '../broken/surgery.js';
import { itemsOf } from '../support/items-of.js';
import { onlyOnPlainVolumes } from '../support/plain-volumes.js';

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
