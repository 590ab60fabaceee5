/** When the cleaner works, and when it leaves that to others. */
import { expect, it } from 'vitest';
import { costBenefit } from '../../fs/cleaner/policy.js';
import { itemKind } from '../../fs/format/item.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { Checkpoints } from '../../fs/volume/checkpoints.js';
import { Cleaning } from '../../fs/volume/cleaning.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Slots } from './slots.js';

/** A volume on which few places are left, as its segments are half dead. */
async function thin(): Promise<{ volume: Volume; slots: Slots; cleaning: Cleaning }> {
  const store = new MemoryStore(16 * 2 ** 20);
  await formatTestVolume(store);
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const slots = new Slots(volume);
  const { table, space } = volume.state;
  for (let slot = 0; table.reusablePlaces >= space.lowPlaces; slot += 2) {
    await slots.write(slot, 15);
    await slots.write(slot + 1, 15);
    await slots.drop(slot + 1);
  }
  await volume.commit();
  const checkpoints = new Checkpoints(volume.state, () => 0);
  return { volume, slots, cleaning: new Cleaning(volume.state, checkpoints, () => false, costBenefit) };
}

/** Change an item in each of many leaves. */
async function dirtyNodes(volume: Volume): Promise<void> {
  for (let inode = 0; inode < 4000; inode += 40)
    await run(() => volume.apply(new Batch().put(inode, itemKind.inode, 0, new Uint8Array(1500))));
}

it('cleans in the background while places are few', async () => {
  const { volume, slots, cleaning } = await thin();
  while (await cleaning.step()) await volume.commit();
  const { table, space } = volume.state;
  expect(volume.counters.moved).toBeGreaterThan(0);
  expect(table.reusablePlaces + table.pendingPlaces).toBeGreaterThanOrEqual(space.lowPlaces);
  expect(await slots.wrong()).toEqual([]);
  await volume.close();
});

it('leaves dirty nodes to a commit first: moving pages would add to them', async () => {
  const { volume, cleaning } = await thin();
  await dirtyNodes(volume);
  await volume.commit();
  for (let i = 0; volume.state.cache.dirty < volume.state.space.mostDirtyNodes / 2; i += 40)
    await run(() => volume.apply(new Batch().put(i, itemKind.inode, 0, new Uint8Array(1500))));
  expect(await cleaning.step()).toBe(false);
  expect(volume.counters.backgroundCleanings).toBe(0);
  await volume.commit();
  expect(await cleaning.step()).toBe(true);
  expect(volume.counters.backgroundCleanings).toBe(1);
  await volume.close();
});
