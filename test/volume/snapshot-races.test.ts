/** Snapshots and branches that are made, renamed and counted while others are, and what a deleted one may not spoil. */
import { expect, it, vi } from 'vitest';
import { itemKind } from '../../fs/format/item.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { seededRandom } from '../../fs/store/random.js';
import { Suspend } from '../../fs/suspend.js';
import { putChunk } from '../../fs/volume/dropped-runs.js';
import { rootUsage } from '../../fs/volume/snapshot-usage.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Slots } from './slots.js';

async function opened(): Promise<{ volume: Volume; slots: Slots }> {
  const store = new MemoryStore(16 * 2 ** 20, { shuffled: { random: seededRandom(1), inPlace: 0 } });
  await formatTestVolume(store);
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const slots = new Slots(volume);
  for (let slot = 0; slot < 20; slot++) await slots.write(slot);
  return { volume, slots };
}

/** What the next change of the system tree needs is not in memory. */
function missOnce({ state }: Volume): void {
  vi.spyOn(state.system, 'prepare').mockImplementationOnce(() => {
    throw new Suspend(Promise.resolve(), 'node');
  });
}

/** How each ended: `done`, or the code of the error. */
async function outcomes(works: readonly Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(works);
  return settled.map((one) => (one.status === 'fulfilled' ? 'done' : one.reason.code));
}

const namesOf = ({ snapshots }: Volume): string[] => snapshots.list().map(({ name }) => name);

it('two that are renamed to one name at the same time do not both get it', async () => {
  const { volume } = await opened();
  await volume.snapshots.create('one');
  await volume.snapshots.create('two');
  missOnce(volume);
  const both = await outcomes([volume.snapshots.rename('one', 'new'), volume.snapshots.rename('two', 'new')]);
  expect(both.sort()).toEqual(['EEXIST', 'done']);
  expect(namesOf(volume).filter((name) => name === 'new')).toHaveLength(1);
  await volume.close();
});

it('two branches of one name are not begun at the same time', async () => {
  const { volume } = await opened();
  await volume.snapshots.create('one');
  missOnce(volume);
  const both = await outcomes([volume.lines.clone('one', 'new'), volume.lines.clone('one', 'new')]);
  expect(both.sort()).toEqual(['EEXIST', 'done']);
  expect(volume.lines.list().map(({ name }) => name)).toEqual(['new']);
  await volume.close();
});

it('a rollback and a snapshot that want one name at the same time do not both get it', async () => {
  const { volume } = await opened();
  await volume.snapshots.create('one');
  const both = await outcomes([volume.lines.rollback('one', 'before'), volume.snapshots.create('before')]);
  expect(both.sort()).toEqual(['EEXIST', 'done']);
  expect(namesOf(volume)).toEqual(['one', 'before']);
  expect(volume.failure).toBeUndefined();
  await volume.close();
});

it('two turns to one branch at the same time make it live', async () => {
  const { volume } = await opened();
  await volume.snapshots.create('one');
  await volume.lines.clone('one', 'other');
  const both = await outcomes([volume.lines.turnTo('other'), volume.lines.turnTo('other')]);
  expect(both.sort()).toEqual(['ENOENT', 'done']);
  expect([volume.lines.live, volume.failure]).toEqual(['other', undefined]);
  await volume.close();
});

it('what a commit writes down while the pages of snapshots are counted counts once', async () => {
  const { volume, slots } = await opened();
  const { id } = await volume.snapshots.create('one');
  for (let slot = 0; slot < 10; slot++) await slots.drop(slot);
  vi.spyOn(volume.state.system, 'seek').mockImplementationOnce(() => {
    throw new Suspend(volume.commit(), 'node');
  });
  const counted = (await rootUsage(volume.state)).unique.get(id);
  expect(volume.state.dropped.waiting).toEqual([]);
  // 10 pages of slots, and the nodes that were copied since.
  expect(counted).toBe((await rootUsage(volume.state)).unique.get(id));
  await volume.close();
});

it('a deleted snapshot that is to give back what nobody has stops the writing, before half of it is durable', async () => {
  const { volume, slots } = await opened();
  await volume.snapshots.create('one');
  await slots.drop(1);
  await volume.commit();
  const { state } = volume;
  const dead = state.log.data.serial * state.log.perSegment + state.log.perSegment - 1;
  const chunk = [putChunk(state.rootId, state.dropped.next++, [{ address: dead, pages: 1, birth: 3 }])];
  expect(chunk[0].kind).toBe(itemKind.dropped);
  state.system.prepare(chunk);
  state.system.change(chunk);
  await volume.snapshots.remove('one');
  await volume.leaving.idle?.catch(() => undefined);
  expect(volume.failure).toMatch(/dead already/);
  await expect(volume.commit()).rejects.toThrow('EIO');
});
