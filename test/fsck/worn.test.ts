/**
 * Volumes that were worked in: random operations of all kinds on a small volume, so that it fills up and is cleaned,
 * with power cuts and clean closes in between. Whatever happened, the check finds nothing: not in the checkpoint
 * that a crash left, not in what a replay makes of it, not after a clean close.
 */
import { describe, expect, test } from 'vitest';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { MemoryStore } from '../../fs/store/memory.js';
import { below, chance, seededRandom } from '../../fs/store/random.js';
import type { Store } from '../../fs/store/store.js';
import { Volume } from '../../fs/volume/volume.js';
import { type CheckResult, examine } from '../../fsck/check.js';
import { replayInMemory } from '../../fsck/replay.js';
import { formatTestVolume } from '../support/volume-image.js';
import { Worker } from '../support/worker.js';

const root = 1;

async function clean(store: Store, when: string): Promise<CheckResult> {
  const result = await examine(store, { data: true });
  expect(result.problems, when).toEqual([]);
  return result;
}

async function wear(store: MemoryStore, seed: number, rounds: number, steps: number): Promise<void> {
  const random = seededRandom(seed);
  await formatTestVolume(store, undefined, initialItems({ seconds: 1, nanos: 0 }, 0, 0, 0o755));
  await clean(store, 'after mkfs');
  const directories = [root];
  const files: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const volume = await Volume.open(store, { commitSeconds: 3600, cacheBytes: 2 ** 20 });
    const fs = new FileSystem(volume, { cacheBytes: 2 ** 22 });
    await fs.recover();
    const worker = new Worker(fs, random, directories, files);
    for (let i = 0; i < steps; i++) {
      await Promise.all(Array.from({ length: 1 + below(random, 4) }, () => worker.step()));
      if (chance(random, 0.01)) await volume.commit();
    }
    const crash = chance(random, 0.6);
    if (crash) {
      // A crash in the middle of a commit leaves records of two generations.
      if (chance(random, 0.5)) {
        volume.commit().catch(() => undefined);
        for (let i = 0; i < 20; i++) await worker.step();
      }
      if (chance(random, 0.8)) await volume.sync();
      await volume.abandon();
    } else {
      await fs.close();
      await volume.close();
    }
    const when = `seed ${seed}, round ${round}, ${crash ? 'crash' : 'close'}`;
    await clean(store, when);
    if (crash) await clean((await replayInMemory(store)).store, `${when}, replayed`);
  }
}

/** More of them: WEAR_SEEDS=1,2,3,4 npx vitest run test/fsck/worn.test.ts */
const seeds = (process.env.WEAR_SEEDS ?? '1,2').split(',').map(Number);

describe('a worn volume has no problems', () => {
  test.each(seeds)('seed %i', async (seed) => {
    await wear(new MemoryStore(16 * 2 ** 20), seed, 4, 250);
  });

  test.each(seeds)('seed %i, in a store that answers late', async (seed) => {
    await wear(new MemoryStore(16 * 2 ** 20, { shuffled: { random: seededRandom(seed) } }), seed, 3, 150);
  });
});
