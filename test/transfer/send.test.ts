/** Snapshots sent to other volumes: what arrives is what was sent, whatever the volumes went through. */
import { expect, it } from 'vitest';
import { below, chance, seededRandom } from '../../fs/store/random.js';
import { run } from '../../fs/suspend.js';
import { receiveStream } from '../../fs/transfer/receiver.js';
import { sendStream } from '../../fs/transfer/sender.js';
import { noise } from '../../stress/system/noise.js';
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

/** What each end told, up to the last that it told before the end. */
async function sharesOf(from: KeptVolume, to: KeptVolume, name: string, base?: string, plain = false) {
  const told = { sent: [0], received: [0] };
  const breathe = async (): Promise<void> => undefined;
  const { snapshots } = from.volume;
  const stream = sendStream(from.volume, snapshots.find(name)!, {
    from: base === undefined ? undefined : snapshots.find(base),
    plain,
    breathe,
    progress: (_, share) => told.sent.push(share),
  });
  await receiveStream(to.volume, stream, { breathe, progress: (_, share) => told.received.push(share) });
  expect(told.sent.pop()).toBe(1);
  for (const shares of Object.values(told)) expect(shares).toEqual([...shares].sort((a, b) => a - b));
  return { sent: told.sent.at(-1), received: told.received.at(-1), first: told.received.find((share) => share > 0) };
}

it('both ends say how far they are by inodes and pages, also of a difference, wherever in the tree that is', async () => {
  const [from, to] = [await KeptVolume.make(32), await KeptVolume.make(32, 2)];
  const nearly = expect.closeTo(1, 2);
  await from.file('large', noise(300_000, 1));
  for (let i = 0; i < 30; i++) await from.file(`gone ${i}`, 'y');
  for (let i = 0; i < 30; i++) await run(() => from.fs.unlink(1, bytes(`gone ${i}`), root));
  await from.volume.snapshots.create('s');
  expect(await sharesOf(from, to, 's')).toMatchObject({ sent: nearly, received: nearly });
  for (const mark of [2, 3]) await from.file(`new ${mark}`, noise(200_000, mark));
  await from.volume.snapshots.create('t');
  const { sent, received, first } = await sharesOf(from, to, 't', 's');
  expect([sent, received]).toEqual([nearly, nearly]);
  // The inodes that the volume has given out before count for nothing.
  expect(first).toBeLessThan(0.1);
  await from.close();
  await to.close();
});

it('of what is sent decoded too', async () => {
  const [from, to] = [await KeptVolume.make(32, 1, ['lz4']), await KeptVolume.make(32, 2)];
  await from.file('large', 'x'.repeat(300_000));
  await from.volume.snapshots.create('s');
  const nearly = expect.closeTo(1, 2);
  expect(await sharesOf(from, to, 's', undefined, true)).toMatchObject({ sent: nearly, received: nearly });
  await from.close();
  await to.close();
});
