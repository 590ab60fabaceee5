/** Closing while others want to make things durable: everyone is answered, and the image is left clean. */
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../fs/store/memory.js';
import { seededRandom } from '../../fs/store/random.js';
import { newestCheckpoint } from '../../fs/volume/checkpoint-slots.js';
import { readSuperblock } from '../../fs/volume/superblock.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Slots } from './slots.js';

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe.each(['sync', 'commit'] as const)('%s', (call) => {
  it.each([0, 1, 2, 3, 5, 8, 13, 21, 34])('that begins %i turns after the closing does', async (later) => {
    const store = new MemoryStore(16 * 2 ** 20, { shuffled: { random: seededRandom(later) } });
    await formatTestVolume(store);
    const volume = await Volume.open(store, { commitSeconds: 0 });
    const slots = new Slots(volume);
    for (let slot = 0; slot < 5; slot++) await slots.write(slot, 3);
    const early = volume.sync();
    const closing = volume.close();
    await turns(later);
    const late = volume[call]();
    await Promise.all([early, closing, late]);
    const { checkpoint } = await newestCheckpoint(store, await readSuperblock(store));
    expect(checkpoint.clean).toBe(1);
    slots.volume = await Volume.open(store, { commitSeconds: 0 });
    expect(slots.volume.counters.recoveredRecords).toBe(0);
    expect(await slots.wrong()).toEqual([]);
    await slots.volume.close();
  });
});
