/** Snapshots sent to other volumes: what arrives is what was sent, whatever the volumes went through. */
import { expect, it } from 'vitest';
import { below, chance, seededRandom } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import { sendStream } from '../../fs/transfer/sender.js';
import { Worker } from '../support/worker.js';
import { bytes, KeptVolume, root } from './kept-volume.js';
import { receive, sent } from './streams.js';

const sealed = 'aes-256-gcm';

it.each([
  [1, [], []],
  [2, ['lz4'], [sealed]],
  [3, ['deflate', sealed], ['lz4']],
])(
  'a chain of increments makes the same snapshots on another volume (seed %i, %j to %j)',
  async (seed, made, other) => {
    const random = seededRandom(seed);
    const from = await KeptVolume.make(48, 1, made);
    const to = await KeptVolume.make(48, 2, other);
    const worker = new Worker(from.fs, random, [1], []);
    await to.file('of its own', 'x'.repeat(10_000));
    for (let i = 0; i < 5; i++) {
      for (let steps = below(random, 100); steps >= 0; steps--) await worker.step();
      await from.volume.snapshots.create(`s${i}`);
      if (chance(random, 0.5)) from.volume.state.cache.chill();
      const base = i === 0 || chance(random, 0.1) ? undefined : `s${i - 1}`;
      const stream = await sent(from, `s${i}`, base, chance(random, 0.2));
      await receive(to, stream, random);
      expect(await to.hash(`s${i}`)).toBe(await from.hash(`s${i}`));
      if (i > 1) await to.volume.snapshots.remove(`s${i - 2}`);
    }
    await to.volume.leaving.idle;
    for (const name of ['s3', 's4']) expect(await to.hash(name)).toBe(await from.hash(name));
    // What is made live of it is sound in all that fsck counts.
    await to.fs.close();
    await to.volume.lines.rollback('s4', undefined);
    await to.close();
    await from.close();
  },
);

it('says how far it is by the pages of a whole snapshot, not by numbers of inodes that are gone', async () => {
  const from = await KeptVolume.make(32);
  await from.file('large', 'x'.repeat(300_000));
  for (let i = 0; i < 30; i++) await from.file(`gone ${i}`, 'y');
  for (let i = 0; i < 30; i++) await run(() => from.fs.unlink(1, bytes(`gone ${i}`), root));
  await from.volume.snapshots.create('s');
  const shares: number[] = [];
  const progress = (_: number, share: number): unknown => shares.push(share);
  const breathe = async (): Promise<void> => undefined;
  const snapshot = from.volume.snapshots.find('s')!;
  for await (const _ of sendStream(from.volume, snapshot, { breathe, progress }));
  expect(shares.at(-2)).toBeCloseTo(1, 2);
  await from.close();
});
