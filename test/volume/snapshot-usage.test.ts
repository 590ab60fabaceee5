/** What snapshots are said to hold is what comes back: each alone, and what is advised when the volume is full. */
import { expect, it } from 'vitest';
import { adviceOf, adviceText, sayWhenFull } from '../../fs/cli/full-advice.js';
import { below, seededRandom } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import { rootUsage } from '../../fs/volume/snapshot-usage.js';
import type { Volume } from '../../fs/volume/volume.js';
import { slotsInMemory } from './slots.js';

/** Pages that are live beside the system tree, which shrinks when a snapshot goes. */
const live = ({ state }: Volume): number => state.table.livePages - state.system.nodes * state.space.perNode;

it('what each holds alone is exactly what its deletion gives back', async () => {
  const random = seededRandom(3);
  const { volume, slots } = await slotsInMemory();
  for (let slot = 0; slot < 60; slot++) await slots.write(slot, 3);
  for (let round = 0; round < 12; round++) {
    await volume.snapshots.create(`s${round}`);
    for (let i = 0; i < 12; i++) await slots.write(below(random, 60), 1 + below(random, 4), below(random, 256));
    if (round === 5) await volume.lines.clone('s3', 'branch');
  }
  await volume.commit();
  while (volume.snapshots.list().length > 0) {
    const list = volume.snapshots.list().filter(({ name }) => name !== 's3' || volume.snapshots.list().length === 1);
    const one = list[below(random, list.length)];
    const { unique } = await rootUsage(volume.state);
    const before = live(volume);
    await volume.snapshots.remove(one.name);
    await volume.leaving.idle;
    await volume.commit();
    // A snapshot with two followers is only hidden, and says that it gives nothing.
    expect([one.name, before - live(volume)]).toEqual([one.name, unique.get(one.id)]);
  }
  await volume.close();
});

it('a full volume says which snapshots to delete', async () => {
  const { volume, slots } = await slotsInMemory();
  const { capacity } = volume.statistics();
  const said: string[] = [];
  const told = sayWhenFull(
    () => volume.state,
    (line) => said.push(line),
  );
  expect(await adviceOf(volume.state)).toBeUndefined();
  const many = Math.floor(capacity / 8 / 4);
  for (const name of ['large', 'small']) {
    for (let slot = 0; slot < (name === 'large' ? 4 : 2) * many; slot++) await slots.write(slot, 4, said.length);
    await volume.snapshots.create(name);
  }
  while (volume.statistics().available > capacity / 20) {
    const before = volume.statistics().available;
    for (let slot = 0; slot < many / 4; slot++) {
      await run(() => volume.reserve(4));
      await slots.write(5000 + before + slot, 4);
      volume.unreserve(4);
    }
    await volume.commit();
  }
  for (let slot = 0; slot < 4 * many; slot++) await slots.drop(slot);
  await volume.commit();
  const advice = await adviceOf(volume.state);
  expect(advice?.snapshots.map(({ name }) => name)).toEqual(['large', 'small']);
  expect(advice?.held).toBeGreaterThan((capacity / 2) * 4096);
  expect(adviceText(advice as NonNullable<typeof advice>)).toMatch(/most comes back with large \d.*, small \d/);
  told();
  told();
  while (said.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(said).toEqual([expect.stringMatching(/^no space is left: snapshots hold .*large/)]);
  await volume.close();
});

it('counting what snapshots hold lets others have their turns', async () => {
  const { volume, slots } = await slotsInMemory();
  await slots.write(1, 3);
  await volume.snapshots.create('one');
  await slots.drop(1);
  await volume.commit();
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  await rootUsage(volume.state);
  expect(turned).toBe(true);
  await volume.close();
});
