/** What a volume says that it has written is what its store was given. */
import { expect, it } from 'vitest';
import { itemKind } from '../../fs/format/item.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { run } from '../../fs/suspend.js';
import { Batch } from '../../fs/tree/batch.js';
import { journalModes } from '../../fs/volume/journal-mode.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Slots } from './slots.js';

class CountingStore extends MemoryStore {
  given = 0;

  override write(offset: number, buffers: readonly Uint8Array[]): Promise<void> | undefined {
    for (const buffer of buffers) this.given += buffer.length;
    return super.write(offset, buffers);
  }
}

it.each(journalModes)('counts every byte: pages of files, nodes, records, checkpoints, moves (%s)', async (journal) => {
  const store = new CountingStore(16 * 2 ** 20);
  await formatTestVolume(store);
  store.given = 0;
  const volume = await Volume.open(store, { commitSeconds: 0, journal });
  const slots = new Slots(volume);
  const written = () => volume.counters.bytesWritten;
  expect(written()).toBe(store.given);
  for (let i = 0; i < 20; i++) {
    await slots.write(i, 15);
    await run(() => volume.apply(new Batch().put(7, itemKind.inode, i, new Uint8Array(900))));
    await volume.sync();
    expect(written()).toBe(store.given);
  }
  await volume.commit();
  expect(volume.counters.filePages).toBe(20 * 15);
  expect(written()).toBe(store.given);
  expect(written()).toBeGreaterThan(20 * 15 * 4096);
  // Segments that are half dead, until the cleaner has work.
  const { table, space } = volume.state;
  for (let slot = 100; table.reusablePlaces >= space.lowPlaces || volume.counters.moved === 0; slot += 2) {
    await slots.write(slot, 15);
    await slots.write(slot + 1, 15);
    await slots.drop(slot + 1);
    if (slot % 10 === 0) await slots.drop(slot);
  }
  await volume.close();
  expect(written()).toBe(store.given);
});
