/** A volume that was filled, cleaned and emptied a few times: with moved pages, holes, attributes, several levels. */
import { placeState } from '../../fs/format/segment-table.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { chance, type Random, seededRandom } from '../../fs/store/random.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { Volume } from '../../fs/volume/volume.js';
import { formatTestVolume } from './volume-image.js';
import { Worker } from './worker.js';

export const wornBytes = 16 * 2 ** 20;

/** Clean about half of the segments, full or not. */
async function moveSome(volume: Volume, random: Random): Promise<void> {
  const { table, mover } = volume.state;
  await volume.commit();
  for (let place = 0; place < table.state.length; place++) {
    if (table.state[place] !== placeState.sealed || table.live[place] === 0 || chance(random, 0.5)) continue;
    await mover.clean(place);
    volume.state.changed = true;
  }
  await volume.commit();
}

/** `crash`: it is not closed in the end, and its journal is still to be replayed. */
export async function wornVolume(seed: number, crash: boolean): Promise<SparseBytes> {
  const random = seededRandom(seed);
  const store = new MemoryStore(wornBytes);
  await formatTestVolume(store, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  const volume = await Volume.open(store, { commitSeconds: 3600, cacheBytes: 2 ** 20 });
  const fs = new FileSystem(volume, { cacheBytes: 2 ** 22 });
  const worker = new Worker(fs, random, [1], []);
  for (let i = 0; i < 700; i++) {
    await worker.step();
    if (chance(random, 0.02)) await volume.commit();
  }
  await moveSome(volume, random);
  for (let i = 0; i < 50; i++) await worker.step();
  if (crash) {
    await volume.sync();
    await volume.abandon();
  } else {
    await fs.close();
    await volume.close();
  }
  return store.bytes;
}
