/** Freed places are given back to the host, and nothing is written into one before that has happened. */
import { expect, it } from 'vitest';
import { MemoryStore } from '../../fs/store/memory.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Slots } from './slots.js';

/** A store that takes its time to discard, one range after the other. */
class SlowToDiscard extends MemoryStore {
  discards = 0;

  override async discard(offset: number, length: number): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await super.discard(offset, length);
    this.discards++;
  }
}

it('a discard that is still to come does not meet what was written meanwhile', async () => {
  const store = new SlowToDiscard(16 * 2 ** 20);
  await formatTestVolume(store);
  const volume = await Volume.open(store, { commitSeconds: 0 });
  const slots = new Slots(volume);
  for (let slot = 0; slot < 20; slot++) await slots.write(slot, 30);
  await volume.commit();
  for (let slot = 0; slot < 20; slot++) await slots.drop(slot);
  await volume.commit();
  const commit = volume.commit();
  for (let slot = 0; slot < 40; slot++) {
    await slots.write(100 + slot, 30);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await commit;
  expect(store.discards).toBeGreaterThan(10);
  expect(await slots.wrong()).toEqual([]);
  await volume.close();
});
