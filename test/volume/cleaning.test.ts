/** When the cleaner works, and when it leaves that to others. */
import { expect, it } from 'vitest';
import { costBenefit, greedy } from '../../fs/cleaner/policy.js';
import { FsError } from '../../fs/errors.js';
import { placeOffset } from '../../fs/format/geometry.js';
import { itemKind } from '../../fs/format/item.js';
import { summaryMagic } from '../../fs/format/segment-summary.js';
import { placeState } from '../../fs/format/segment-table.js';
import { headKind } from '../../fs/log/segment-table.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { Checkpoints } from '../../fs/volume/checkpoints.js';
import { Cleaning } from '../../fs/volume/cleaning.js';
import { Volume } from '../../fs/volume/volume.js';
import { checkVolume } from '../../fsck/check.js';
import { plainOnly } from '../support/plain-volumes.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Slots } from './slots.js';

/** A store that can't read some of its bytes. */
class DamagedStore extends MemoryStore {
  readonly damaged = new Set<number>();

  override read(offset: number, into: Uint8Array): Promise<void> | undefined {
    for (const at of this.damaged)
      if (at >= offset && at < offset + into.length) throw new FsError('EIO', 'read', undefined, `byte ${at}`);
    return super.read(offset, into);
  }
}

/** A store that keeps writes back while it is told to. */
class HeldStore extends MemoryStore {
  holding = false;
  readonly held: (() => void)[] = [];

  override write(offset: number, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    if (!this.holding) return super.write(offset, buffers);
    return new Promise<void>((resolve) => this.held.push(resolve)).then(() => super.write(offset, buffers));
  }

  arrive(): void {
    this.holding = false;
    for (const resolve of this.held.splice(0)) resolve();
  }
}

/** A volume on which few places are left, as its segments are half dead. */
async function thin(): Promise<{ volume: Volume; slots: Slots; cleaning: Cleaning; store: DamagedStore }> {
  const store = new DamagedStore(16 * 2 ** 20);
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
  return { store, volume, slots, cleaning: new Cleaning(volume.state, checkpoints, () => false, costBenefit) };
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

it('leaves a segment that can not be read, and cleans others', async () => {
  const { volume, slots, store } = await thin();
  const { table, geometry, log } = volume.state;
  const victim = greedy.choose(table, volume.generation, 1);
  const damaged = placeOffset(geometry, victim, log.perSegment - 2) + 77;
  store.damaged.add(damaged);
  for (let slot = 1000; volume.counters.moved < 500; slot++) {
    await slots.write(slot, 20);
    if (slot > 1020) await slots.drop(slot - 20);
  }
  expect(table.state[victim]).toBe(placeState.sealed);
  store.damaged.clear();
  expect(await slots.wrong()).toEqual([]);
  await volume.close();
});

it('gives no place to a page that died while its copy was on the way', async (context) => {
  plainOnly(context, 'lays plain extents by hand');
  const store = new HeldStore(16 * 2 ** 20);
  await formatTestVolume(store);
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const slots = new Slots(volume);
  for (let slot = 0; slot < 20; slot++) await slots.write(slot, 3);
  await volume.commit();
  const { table, mover, geometry } = volume.state;
  const places = Array.from({ length: geometry.places }, (_, place) => place);
  const victim = places.find((place) => table.state[place] === placeState.sealed && table.live[place] > 9) ?? -1;
  store.holding = true;
  const cleaning = mover.clean(victim);
  while (store.held.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const { live } = volume.statistics();
  const before = table.live[victim];
  for (const slot of [1, 4]) await slots.drop(slot);
  expect(table.live[victim]).toBe(before - 6);
  store.arrive();
  expect(await cleaning).toBe(before - 6);
  await volume.commit();
  expect(await slots.wrong()).toEqual([]);
  expect(volume.statistics().live).toBe(live - 6);
  await volume.close();
  const found = (await checkVolume(store)).map(({ code }) => code);
  expect(found.filter((code) => code === 'live-map' || code === 'relocation')).toEqual([]);
});

it('leaves a segment of nodes of which a summary has rotted', async () => {
  const { volume, store } = await thin();
  await dirtyNodes(volume);
  await volume.commit();
  const { table, geometry, log, mover } = volume.state;
  log.node.close();
  const places = Array.from({ length: geometry.places }, (_, place) => place);
  const victim = places.find((place) => table.head[place] === headKind.node && table.live[place] > 4) ?? -1;
  for (let page = 0; page < log.perSegment; page++) {
    const at = placeOffset(geometry, victim, page);
    const start = new Uint8Array(4);
    store.bytes.read(at, start);
    if (new DataView(start.buffer).getUint32(0, true) === summaryMagic)
      store.bytes.write(at + 30, new Uint8Array([99]));
  }
  expect(await mover.clean(victim)).toBe(false);
  expect(greedy.choose(table, volume.generation, 1)).not.toBe(victim);
  await volume.close();
  await (await Volume.open(store, { commitSeconds: 0 })).close();
});

it('a change that gives space back needs fewer places than data, and goes on when there are just those', async () => {
  const store = new MemoryStore(16 * 2 ** 20);
  await formatTestVolume(store);
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const slots = new Slots(volume);
  for (let slot = 0; slot < 8; slot++) await slots.write(slot, 31);
  await volume.commit();
  for (let slot = 0; slot < 5; slot++) await slots.drop(slot);
  const { table, space } = volume.state;
  // As if all places were in use: nothing can be won but what was dropped just now.
  while (table.reusablePlaces >= space.commitPlaces) table.take(headKind.data, volume.generation);
  await slots.drop(5);
  expect(table.reusablePlaces).toBeGreaterThanOrEqual(space.commitPlaces);
  expect(table.reusablePlaces).toBeLessThanOrEqual(space.cleaningPlaces);
  await expect(slots.write(9, 31)).rejects.toMatchObject({ code: 'ENOSPC' });
  expect(await slots.wrong()).toEqual([]);
  await volume.close();
});

it('nodes of the system tree are given back whatever snapshots there are', async () => {
  const { volume } = await thin();
  const { state } = volume;
  await volume.commit();
  state.newestSnapshot = volume.generation;
  const { live } = volume.statistics();
  await run(() => state.system.rewrite(0, 1, 0, 0));
  await volume.commit();
  expect(volume.statistics().live).toBe(live);
  await volume.close();
});
