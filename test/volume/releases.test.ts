/** Releases of pages that the cleaner has moved wait for the next commit; how many may wait, and what becomes of them. */
import { expect, it } from 'vitest';
import { placeState } from '../../fs/format/segment-table.js';
import { headKind } from '../../fs/log/segment-table.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { Store } from '../../fs/store/store.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Slots } from './slots.js';

const count = 300;

/** A volume with `count` slots of a page, all moved by the cleaner since they were written. */
async function moved(store: Store = new MemoryStore(16 * 2 ** 20)): Promise<{ volume: Volume; slots: Slots }> {
  await formatTestVolume(store);
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const slots = new Slots(volume);
  for (let slot = 0; slot < count; slot++) await slots.write(slot);
  await volume.commit();
  const { table, mover, log } = volume.state;
  log.data.close();
  for (let place = 0; place < table.geometry.places; place++) {
    const full = table.state[place] === placeState.sealed && table.head[place] === headKind.data;
    if (full && table.live[place] > 0) await mover.clean(place);
  }
  expect(mover.moved).toBe(count);
  await volume.commit();
  return { volume, slots };
}

it('no more of them wait than the next commit can write the nodes for', async () => {
  const { volume, slots } = await moved();
  const { log, space } = volume.state;
  let most = 0;
  for (let slot = 0; slot < count; slot++) {
    await slots.drop(slot);
    most = Math.max(most, log.deferred.length);
  }
  expect(most).toBeGreaterThan(space.mostDirtyNodes);
  expect(most).toBeLessThanOrEqual(8 * space.mostDirtyNodes);
  await volume.close();
});

it('they count as free at once, and end the entries of the relocation map', async () => {
  const { volume, slots } = await moved();
  const { live } = volume.statistics();
  for (let slot = 0; slot < 100; slot++) await slots.drop(slot);
  expect(volume.state.log.deferred.length).toBe(100);
  expect(volume.statistics().live).toBe(live - 100);
  await volume.commit();
  expect(volume.state.log.deferred).toEqual([]);
  expect(volume.state.space.deferred).toBe(0);
  for (let slot = 100; slot < count; slot++) await slots.drop(slot);
  await volume.commit();
  expect(volume.counters.relocationsDied).toBeGreaterThan(0);
  expect(volume.state.map.overlapping(0, 2 ** 40)).toEqual([]);
  await volume.close();
});

it('a read that fails while they are worked off fails that commit only', async () => {
  const disk = new SimulatedDisk(16 * 2 ** 20);
  const { volume, slots } = await moved(disk);
  for (let slot = 0; slot < 100; slot++) await slots.drop(slot);
  volume.state.cache.chill();
  disk.faults.plan('read', disk.faults.counts.read + 1, { what: 'error', code: 'EIO' });
  await expect(volume.commit()).rejects.toThrow('EIO');
  expect(volume.state.log.deferred.length).toBe(100);
  await volume.commit();
  expect(volume.state.log.deferred).toEqual([]);
  expect(await slots.wrong()).toEqual([]);
  await volume.close();
});
