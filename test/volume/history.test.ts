/** The history: the root of each commit is kept for a while, can be looked at and kept, and never takes anyone's space. */
import { expect, it } from 'vitest';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { expired, superfluous } from '../../fs/volume/history-thinning.js';
import { rootUsage } from '../../fs/volume/snapshot-usage.js';
import { spaceByCause } from '../../fs/volume/space-by-cause.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Slots, type SlotsKept, unused } from './slots.js';

/** A volume with a history of `window` seconds, and its clock. */
async function volumeWithHistory(window: number, store = new MemoryStore(16 * 2 ** 20)) {
  await formatTestVolume(store);
  const time = { seconds: 1_000_000 };
  const clock = { now: () => time.seconds * 1000 };
  const open = (historySeconds: number | undefined) =>
    Volume.open(store, { commitSeconds: 0, clock, ...(historySeconds === undefined ? {} : { historySeconds }) });
  const volume = await open(window);
  return { store, time, open, volume, slots: new Slots(volume) };
}

const tidied = async (volume: Volume): Promise<void> => {
  await volume.history.tidy();
  await volume.leaving.idle;
  await volume.commit();
};

it('each commit is kept for its time, and its space comes back', async () => {
  const { store, time, open, volume, slots } = await volumeWithHistory(600);
  const kept = new Map<number, SlotsKept>();
  for (let round = 0; round < 20; round++) {
    time.seconds += 60;
    for (let slot = 0; slot < 20; slot++) await slots.write(slot, 2, round);
    await volume.commit();
    const root = volume.history.at(time.seconds);
    expect(root).toMatchObject({ seconds: time.seconds, name: '' });
    kept.set(time.seconds, slots.keep(root as NonNullable<typeof root>));
    await tidied(volume);
  }
  // A commit without a change adds nothing.
  const { length } = volume.history.list();
  time.seconds += 5;
  await volume.commit();
  expect(volume.history.list()).toHaveLength(length);
  // The oldest stands for the minute in which the last ten minutes began.
  expect(volume.history.list().map(({ seconds }) => time.seconds - seconds)).toEqual(
    Array.from({ length: 11 }, (_, i) => 605 - 60 * i),
  );
  for (const root of volume.history.list())
    expect(await slots.wrongIn(kept.get(root.seconds) as SlotsKept)).toEqual([]);
  expect(volume.history.at(time.seconds - 61)?.seconds).toBe(time.seconds - 65);
  expect(volume.history.at(time.seconds - 700)).toBeUndefined();
  expect(volume.snapshots.list()).toEqual([]);

  const one = await volume.history.keep('one', time.seconds - 300);
  expect(one.seconds).toBe(time.seconds - 305);
  await expect(volume.history.keep('one', time.seconds)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(volume.history.keep('two', time.seconds - 300)).rejects.toThrow(/kept as the snapshot one already/);
  await expect(volume.history.keep('two', 5)).rejects.toThrow(/the history begins at/);
  expect(volume.history.at(time.seconds - 300)?.name).toBe('one');
  await volume.close();

  // A mount without the option lets it go, all but the snapshot.
  const again = await open(0);
  slots.volume = again;
  expect(await slots.wrongIn(kept.get(one.seconds) as SlotsKept)).toEqual([]);
  expect(again.history.list()).toHaveLength(10);
  time.seconds += 650;
  await tidied(again);
  expect(again.history.list()).toEqual([]);
  expect(await slots.wrongIn(kept.get(one.seconds) as SlotsKept)).toEqual([]);
  await again.snapshots.remove('one');
  await again.leaving.idle;
  await again.commit();
  expect(unused(again)).toBe(0);
  expect(again.state.space.held).toBe(0);
  await again.close();
  expect(store.size).toBe(16 * 2 ** 20);
});

it('commits that come quickly share a root, and the last of them has its own', async () => {
  const { volume, slots, time } = await volumeWithHistory(600);
  for (let i = 0; i < 30; i++) {
    await slots.write(0, 1, i);
    await volume.commit();
  }
  expect(volume.history.made).toBeLessThanOrEqual(2);
  time.seconds += 1;
  await volume.commit();
  expect(await slots.wrongIn(slots.keep(volume.history.at(time.seconds) as never))).toEqual([]);
  await volume.close();
});

it('never is why there is no space: it gives way to writes, snapshots and rollbacks', async () => {
  const { volume, slots, time } = await volumeWithHistory(3600);
  const { capacity } = volume.statistics();
  const slotsOfHalf = Math.floor(capacity / 2 / 8);
  for (let round = 0; round < 6; round++)
    for (let slot = 0; slot < slotsOfHalf; slot++) {
      if (slot % 40 === 0) {
        time.seconds += 2;
        await volume.commit();
      }
      await run(() => volume.reserve(8));
      await slots.write(slot, 8, round);
      volume.unreserve(8);
    }
  expect(volume.history.made).toBeGreaterThan(20);
  await volume.snapshots.create('now');
  await tidied(volume);
  expect(volume.statistics().available).toBeGreaterThanOrEqual(0);
  expect(await slots.wrong()).toEqual([]);
  // Room is made as long as there is some to be had.
  const before = volume.history.list().length;
  if (before > 0) await volume.history.giveWay();
  expect(volume.history.list().length).toBe(before - Math.ceil(before / 2));
  for (let room = volume.history.giveWay(); room !== undefined; room = volume.history.giveWay()) await room;
  expect(await volume.history.madeRoom(Object.assign(new Error(), { code: 'ENOSPC' }))).toBe(false);
  await volume.snapshots.remove('now');
  await volume.leaving.idle;
  await volume.commit();
  expect(unused(volume)).toBe(0);
  await volume.close();
});

it('a root that somebody looks at does not go because of its age', async () => {
  const { volume, slots, time } = await volumeWithHistory(60);
  time.seconds += 2;
  await slots.write(1, 4, 1);
  await volume.commit();
  const root = volume.history.at(time.seconds) as NonNullable<ReturnType<typeof volume.history.at>>;
  const kept = slots.keep(root);
  volume.history.watch(root.id);
  for (let i = 0; i < 3; i++) {
    time.seconds += 100;
    await slots.write(1, 4, i + 2);
    await volume.commit();
    await tidied(volume);
  }
  expect(await slots.wrongIn(kept)).toEqual([]);
  volume.history.unwatch(root.id);
  await tidied(volume);
  expect(volume.snapshots.has(root.id)).toBe(false);
  await volume.close();
});

it('is counted: what each root holds alone, and all of them together', async () => {
  const { volume, slots, time } = await volumeWithHistory(3600);
  for (let slot = 0; slot < 10; slot++) await slots.write(slot, 4, 1);
  await volume.snapshots.create('base');
  for (let round = 0; round < 8; round++) {
    time.seconds += 10;
    for (let slot = 0; slot < 10; slot++) await slots.write(slot, 4, 10 + round);
    await volume.commit();
    if (round === 4) await volume.snapshots.create('middle');
  }
  const causes = await spaceByCause(volume.state);
  const { data, metadata, snapshots, history, promised, copies, free } = causes;
  expect(data + metadata + snapshots + history + promised + copies + free).toBe(causes.capacity);
  const { live } = volume.statistics();
  const { unique } = await rootUsage(volume.state);
  // Rounds 0 to 3 and 5, 6 are in the history alone.
  expect(history).toBeGreaterThanOrEqual(6 * 40);
  const [second] = volume.history.list().slice(1);
  const alone = unique.get(second.id) as number;
  expect(alone).toBeGreaterThanOrEqual(40);
  while (volume.history.list().length > 0) await volume.history.giveWay();
  await volume.commit();
  const left = volume.statistics().live;
  // Besides, the system tree has become smaller.
  expect(live - left).toBeGreaterThanOrEqual(history);
  expect(live - left).toBeLessThan(history + 4 * 12);
  expect((await spaceByCause(volume.state)).history).toBe(0);
  await volume.close();
});

it('thins by age, and forgets by the age of what came next', () => {
  const roots = [0, 100, 200, 300].map((seconds, id) => ({ id, seconds, window: 50 }));
  const ids = (list: readonly { id: number }[]) => list.map(({ id }) => id);
  expect(ids(expired(roots, 249, 0))).toEqual([0]);
  expect(ids(expired(roots, 250, 0))).toEqual([0, 1]);
  expect(ids(expired(roots, 350, undefined))).toEqual([0, 1, 2, 3]);
  expect(ids(expired(roots, 1000, 100))).toEqual([0, 1, 2]);
  const many = Array.from({ length: 3000 }, (_, id) => ({ id, seconds: id * 5, window: 1e9 }));
  const gone = new Set(ids(superfluous(many, 15_000, 500)));
  const left = many.filter(({ id }) => !gone.has(id));
  expect(left).toHaveLength(500);
  for (const [i, { seconds }] of left.slice(0, -1).entries())
    expect(left[i + 1].seconds - seconds).toBeLessThanOrEqual(5 + (15_000 - seconds) / 50);
  expect(left.slice(-20).map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, i) => 2980 + i));
});
