/** Branches and rollback of a volume without a filesystem: what each line holds, and that all comes back in the end. */
import { expect, it } from 'vitest';
import { below, seededRandom } from '../../fs/store/random.js';
import { Volume } from '../../fs/volume/volume.js';
import { Slots, type SlotsKept, slotsInMemory, unused } from './slots.js';

const gone = async (volume: Volume): Promise<void> => {
  await volume.leaving.idle;
  await volume.commit();
};

it('a rollback brings back what was, and keeps or gives up the state before', async () => {
  const { volume, slots } = await slotsInMemory();
  for (let slot = 0; slot < 60; slot++) await slots.write(slot, 3, 1);
  const one = slots.keep(await volume.snapshots.create('one'));
  for (let slot = 0; slot < 60; slot++) await slots.write(slot, 3, 2);
  const two = slots.keep(await volume.snapshots.create('two'));
  for (let slot = 0; slot < 30; slot++) await slots.write(slot, 3, 3);
  const three = slots.keep(undefined);
  await volume.lines.rollback('one', 'before');
  slots.use(one);
  expect(await slots.wrong()).toEqual([]);
  for (let slot = 0; slot < 60; slot += 2) await slots.write(slot, 3, 4);
  const before = volume.snapshots.find('before');
  expect(await slots.wrongIn({ ...three, root: before })).toEqual([]);
  await volume.lines.rollback('two', undefined);
  slots.use(two);
  await gone(volume);
  expect(await slots.wrong()).toEqual([]);
  expect(await slots.wrongIn(one)).toEqual([]);
  expect(await slots.wrongIn({ ...three, root: before })).toEqual([]);
  for (const name of ['one', 'before', 'two']) {
    await volume.snapshots.remove(name);
    await gone(volume);
    expect(await slots.wrong()).toEqual([]);
  }
  expect(unused(volume)).toBe(0);
  expect(volume.leaving.left).toBe(4);
  await volume.close();
});

it('a branch is written beside its origin, also when that is deleted', async () => {
  const { store, volume, slots } = await slotsInMemory();
  for (let slot = 0; slot < 80; slot++) await slots.write(slot, 2, 1);
  const origin = slots.keep(await volume.snapshots.create('origin'));
  for (let slot = 0; slot < 80; slot += 3) await slots.write(slot, 2, 2);
  const live = slots.keep(undefined);
  await volume.lines.clone('origin', 'trial');
  await expect(volume.lines.clone('origin', 'trial')).rejects.toMatchObject({ code: 'EEXIST' });
  await volume.lines.turnTo('trial');
  slots.use(origin);
  expect(await slots.wrong()).toEqual([]);
  for (let slot = 0; slot < 80; slot += 2) await slots.write(slot, 2, 5);
  const trial = slots.keep(await volume.snapshots.create('of trial'));
  // The origin has two followers: it is hidden, and stays until one of them is left.
  await volume.snapshots.remove('origin');
  await gone(volume);
  expect(volume.leaving.left).toBe(0);
  await volume.close();

  await expect(Volume.open(store, { commitSeconds: 0, branch: 'no such' })).rejects.toThrow("no branch 'no such'");
  const again = await Volume.open(store, { commitSeconds: 0, branch: '' });
  slots.volume = again;
  slots.use(live);
  expect(await slots.wrong()).toEqual([]);
  expect(await slots.wrongIn(trial)).toEqual([]);
  for (let slot = 1; slot < 80; slot += 3) await slots.write(slot, 2, 7);
  await again.lines.remove('trial');
  await again.snapshots.remove('of trial');
  await gone(again);
  expect(again.leaving.left).toBe(3);
  expect(await slots.wrong()).toEqual([]);
  expect(unused(again)).toBe(0);
  await again.close();
});

it('lines, snapshots and deletions in any order leave nothing behind', async () => {
  const random = seededRandom(21);
  const { volume, slots } = await slotsInMemory();
  for (let slot = 0; slot < 40; slot++) await slots.write(slot, 2);
  const kept = new Map<string, SlotsKept>();
  const ends = new Map<string, SlotsKept>();
  const some = (names: Iterable<string>): string => {
    const list = [...names];
    return list[below(random, list.length)];
  };
  for (let round = 0; round < 120; round++) {
    for (let i = 0; i < 5; i++) await slots.write(below(random, 40), 2, below(random, 256));
    const name = `n${round}`;
    const what = below(random, 8);
    if (what < 3 && kept.size < 12) kept.set(name, slots.keep(await volume.snapshots.create(name)));
    else if (what === 3 && kept.size > 0) {
      const from = some(kept.keys());
      ends.set(name, { ...(kept.get(from) as SlotsKept), root: await volume.lines.clone(from, name) });
    } else if (what === 4 && ends.size > 0) {
      const to = some(ends.keys());
      const left = volume.lines.live;
      const now = slots.keep(undefined);
      await volume.lines.turnTo(to);
      slots.use(ends.get(to) as SlotsKept);
      ends.delete(to);
      ends.set(left, { ...now, root: volume.lines.find(left) });
    } else if (what === 5 && kept.size > 0) {
      const to = some(kept.keys());
      const keep = below(random, 2) === 0 ? name : undefined;
      const now = slots.keep(undefined);
      await volume.lines.rollback(to, keep);
      slots.use(kept.get(to) as SlotsKept);
      if (keep !== undefined) kept.set(keep, { ...now, root: volume.snapshots.find(keep) });
    } else if (what === 6 && kept.size > 0) {
      const name = some(kept.keys());
      kept.delete(name);
      await volume.snapshots.remove(name);
    } else if (what === 7) {
      const end = some(ends.keys());
      if (end === undefined || end === '') continue;
      ends.delete(end);
      await volume.lines.remove(end);
    }
    if (round % 10 !== 9) continue;
    expect(await slots.wrong()).toEqual([]);
    for (const root of [...kept.values(), ...ends.values()]) expect(await slots.wrongIn(root)).toEqual([]);
  }
  if (volume.lines.live !== '') {
    slots.use(ends.get('') as SlotsKept);
    await volume.lines.turnTo('');
  }
  for (const { name } of volume.lines.list()) await volume.lines.remove(name);
  for (const { name } of volume.snapshots.list()) await volume.snapshots.remove(name);
  await gone(volume);
  expect(await slots.wrong()).toEqual([]);
  expect([...volume.state.roots.all()]).toEqual([]);
  expect(unused(volume)).toBe(0);
  await volume.close();
});

it('a tree that is given back leaf by leaf goes on after a crash where it stood', async () => {
  const { store, volume, slots } = await slotsInMemory();
  for (let slot = 0; slot < 10; slot++) await slots.write(slot);
  await volume.snapshots.create('one');
  await volume.lines.clone('one', 'wide');
  await volume.lines.turnTo('wide');
  const wide = new Slots(volume);
  for (let slot = 100; slot < 1300; slot++) await wide.write(slot);
  await volume.lines.turnTo('');
  await volume.lines.remove('wide');
  const stage = () => [...volume.state.roots.all()].find(({ name }) => name === 'wide')?.stage;
  while (stage() !== 3 || volume.leaving.steps < 4) await new Promise((resolve) => setImmediate(resolve));
  await volume.checkpoints.checkpoint();
  expect(stage()).toBe(3);
  await volume.abandon();
  const again = await Volume.open(store, { commitSeconds: 0 });
  slots.volume = again;
  await gone(again);
  await again.snapshots.remove('one');
  await gone(again);
  expect(await slots.wrong()).toEqual([]);
  expect(unused(again)).toBe(0);
  await again.close();
});
