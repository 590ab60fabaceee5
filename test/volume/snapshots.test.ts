/** Snapshots of a volume without a filesystem: what they hold, what is given back when they go, and after crashes. */
import { expect, it } from 'vitest';
import { below, seededRandom } from '../../fs/store/random.js';
import { Suspend } from '../../fs/suspend.js';
import { Volume } from '../../fs/volume/volume.js';
import { type SlotsKept, slotsInMemory, unused } from './slots.js';

it('a snapshot keeps what was overwritten, and gives it back when it goes', async () => {
  const { store, volume, slots } = await slotsInMemory();
  for (let slot = 0; slot < 50; slot++) await slots.write(slot, 4);
  await volume.commit();
  const before = volume.statistics().live;
  const kept = slots.keep(await volume.snapshots.create('one'));
  for (let slot = 0; slot < 50; slot++) await slots.write(slot, 4, 200);
  await volume.commit();
  expect(volume.statistics().live).toBeGreaterThanOrEqual(before + 200);
  expect(await slots.wrong()).toEqual([]);
  expect(await slots.wrongIn(kept)).toEqual([]);
  await volume.close();

  const again = await Volume.open(store, { commitSeconds: 0 });
  slots.volume = again;
  expect(again.snapshots.list().map(({ name }) => name)).toEqual(['one']);
  expect(await slots.wrongIn(kept)).toEqual([]);
  await again.snapshots.remove('one');
  await again.leaving.idle;
  await again.commit();
  expect(again.statistics().live).toBeLessThan(before + 30);
  expect(again.snapshots.list()).toEqual([]);
  expect(unused(again)).toBe(0);
  await again.close();
});

it('snapshots that go in any order leave to each other what they share, and nothing in the end', async () => {
  const random = seededRandom(11);
  const { volume, slots } = await slotsInMemory();
  for (let slot = 0; slot < 40; slot++) await slots.write(slot, 2);
  await volume.commit();
  const atFirst = volume.statistics().live;
  const kept = new Map<string, SlotsKept>();
  for (let round = 0; round < 60; round++) {
    for (let i = 0; i < 10; i++) await slots.write(below(random, 40), 2, below(random, 256));
    if (below(random, 3) > 0) {
      const name = `s${round}`;
      kept.set(name, slots.keep(await volume.snapshots.create(name)));
    } else if (kept.size > 0) {
      const name = [...kept.keys()][below(random, kept.size)];
      kept.delete(name);
      await volume.snapshots.remove(name);
    }
    if (round % 10 === 9) for (const root of kept.values()) expect(await slots.wrongIn(root)).toEqual([]);
  }
  expect(kept.size).toBeGreaterThan(5);
  for (const name of kept.keys()) await volume.snapshots.remove(name);
  await volume.leaving.idle;
  await volume.commit();
  expect(volume.statistics().live).toBeLessThanOrEqual(atFirst + 10);
  expect(await slots.wrong()).toEqual([]);
  expect(unused(volume)).toBe(0);
  await volume.close();
});

it('the cleaner moves what snapshots hold, and what moved is given back', async () => {
  const random = seededRandom(5);
  const { volume, slots } = await slotsInMemory();
  for (let slot = 0; slot < 300; slot++) await slots.write(slot, 4);
  const first = slots.keep(await volume.snapshots.create('first'));
  for (let i = 0; i < 300; i++) await slots.write(below(random, 300), 4, 77);
  const second = slots.keep(await volume.snapshots.create('second'));
  for (let i = 0; i < 300; i++) await slots.write(below(random, 300), 4, 78);
  await volume.commit();
  const { table, mover } = volume.state;
  for (let place = 0; place < table.geometry.places; place++) {
    if (table.state[place] === 2 && table.live[place] > 0) await mover.clean(place);
    volume.state.changed = true;
    if (place % 4 === 0) for (let i = 0; i < 2; i++) await volume.commit();
  }
  await volume.commit();
  expect(mover.moved).toBeGreaterThan(500);
  expect(await slots.wrongIn(first)).toEqual([]);
  expect(await slots.wrongIn(second)).toEqual([]);
  await volume.snapshots.remove('first');
  await volume.leaving.idle;
  expect(await slots.wrongIn(second)).toEqual([]);
  await volume.snapshots.remove('second');
  await volume.leaving.idle;
  await volume.commit();
  expect(await slots.wrong()).toEqual([]);
  expect(volume.statistics().live).toBeLessThan(1200 + 60);
  expect(unused(volume)).toBe(0);
  await volume.close();
});

it('a deletion that a crash interrupts goes on with the next mount', async () => {
  const { store, volume, slots } = await slotsInMemory();
  for (let slot = 0; slot < 600; slot++) await slots.write(slot, 1);
  await volume.commit();
  const before = volume.statistics().live;
  await volume.snapshots.create('one');
  for (let slot = 0; slot < 600; slot++) await slots.write(slot, 1, 9);
  await volume.commit();
  await volume.snapshots.remove('one');
  while (volume.leaving.steps < 1) await new Promise((resolve) => setImmediate(resolve));
  await volume.checkpoints.checkpoint();
  await volume.abandon();

  const again = await Volume.open(store, { commitSeconds: 0 });
  slots.volume = again;
  await again.leaving.idle;
  expect(again.leaving.steps).toBeGreaterThan(0);
  expect(again.leaving.left).toBe(1);
  await again.commit();
  expect(await slots.wrong()).toEqual([]);
  expect(again.statistics().live).toBeLessThan(before + 30);
  expect(unused(again)).toBe(0);
  await again.close();
});

it('names are checked, found once, and can be changed', async () => {
  const { volume } = await slotsInMemory();
  const { snapshots } = volume;
  await snapshots.create('a');
  await expect(snapshots.create('a')).rejects.toMatchObject({ code: 'EEXIST' });
  for (const bad of ['', '.', '..', 'a/b', 'a\0b'])
    await expect(snapshots.create(bad)).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(snapshots.create('x'.repeat(201))).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
  await expect(snapshots.remove('b')).rejects.toMatchObject({ code: 'ENOENT' });
  await snapshots.rename('a', 'b');
  expect(snapshots.find('a')).toBeUndefined();
  await snapshots.remove('b');
  await expect(snapshots.remove('b')).rejects.toMatchObject({ code: 'ENOENT' });
  await volume.close();
});

it('what is dropped while a deletion begins is given back as well', async () => {
  const { volume, slots } = await slotsInMemory();
  for (let slot = 0; slot < 60; slot++) await slots.write(slot);
  await volume.snapshots.create('one');
  const removed = volume.snapshots.remove('one');
  // Some of these come between the checkpoint of the deletion and its first step.
  for (let slot = 0; slot < 60; slot++) await slots.write(slot, 1, 9);
  await removed;
  await volume.leaving.idle;
  await volume.commit();
  expect(await slots.wrong()).toEqual([]);
  expect(unused(volume)).toBe(0);
  await volume.close();
});

it('a flush that finds, at the moment of a snapshot, that a commit must come first, waits for the next one', async () => {
  const { volume, slots } = await slotsInMemory();
  await slots.write(1, 4);
  const { generation } = volume;
  volume.flusher = {
    flushAll: () => Promise.resolve(),
    flushNow: () => {
      if (volume.generation === generation) throw new Suspend(volume.checkpoints.checkpoint(), 'commit');
    },
  };
  const kept = slots.keep(await volume.snapshots.create('one'));
  expect(volume.failure).toBeUndefined();
  expect(await slots.wrongIn(kept)).toEqual([]);
  volume.flusher = undefined;
  await volume.close();
});
