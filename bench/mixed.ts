/**
 * A mixed load on a small volume that is nearly full, so that the cleaner works and commits come: pages overwritten at random,
 * files made and removed, names looked up, appends with fsync, large writes. How long requests of each kind took, as the
 * server counted it, and for how long at a time it did not look for requests.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, open, readdir, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { patternBytes, SeededRandom } from '../scripts/trial/random.js';
import { sampledDuring } from './activity.js';
import type { Workload } from './workload.js';

const mebibyte = 2 ** 20;
const seconds = 30;
/** Of the volume's 640 MiB. */
const overwrittenBytes = 400 * mebibyte;
const largeBytes = 32 * mebibyte;

export const mixed: Workload = async (volume, note) => {
  await volume.unmount();
  await volume.format('640M');
  await volume.mount();
  const at = (name: string): string => join(volume.directory, name);
  const part = patternBytes(1, 16 * mebibyte);
  for (let i = 0; i < overwrittenBytes / part.length; i++) writeFileSync(at('pages'), part, { flag: 'a' });
  mkdirSync(at('small'));
  for (let i = 0; i < 2000; i++) writeFileSync(at(`small/${i}`), `${i}`);
  let until = 0;
  const loop = async (work: (next: SeededRandom, i: number) => Promise<void>, seed: number): Promise<void> => {
    const next = new SeededRandom(seed);
    for (let i = 0; performance.now() < until; i++) await work(next, i);
  };
  const pages = await open(at('pages'), 'r+');
  const log = await open(at('log'), 'w');
  const overwrite = (next: SeededRandom): Promise<void> =>
    pages.write(part, next.below(4096) * 4096, 4096, next.below(overwrittenBytes / 4096) * 4096).then(() => undefined);
  const sample = await sampledDuring(volume.directory, async () => {
    until = performance.now() + seconds * 1000;
    await Promise.all([
      loop(overwrite, 1),
      loop(overwrite, 2),
      loop(async (_, i) => {
        await writeFile(at(`small/new ${i}`), part.subarray(0, 700));
        if (i >= 500) await unlink(at(`small/new ${i - 500}`));
      }, 3),
      loop(async (next) => void (await stat(at(`small/${next.below(2000)}`))), 4),
      loop(async (_, i) => void (await stat(at(`small/none ${i}`)).catch(() => undefined)), 5),
      loop(async (_, i) => {
        await log.write(part, 0, 4096, (i % 1000) * 4096);
        await log.sync();
      }, 6),
      loop(async (_, i) => {
        for (let done = 0; done < largeBytes; done += part.length) await writeFile(at('large'), part, { flag: 'a' });
        await unlink(at('large'));
        await mkdir(at(`directory ${i}`));
        await readdir(volume.directory);
      }, 7),
    ]);
  });
  await pages.close();
  await log.close();
  if (sample.cleaner.cleanings === 0 || sample.store.checkpoints === 0)
    throw new Error('nothing was cleaned, or no commit came');
  note('requests', sample.requests.perSecond, 'per s');
  note('cleaned, segments', sample.cleaner.cleanings, 'per s');
  note('commits', sample.store.checkpoints, 'per s');
  for (const { kind, p50Ms, p99Ms, longestMs } of sample.operations) {
    note(`${kind}, half within`, p50Ms, 'ms');
    note(`${kind}, 99 % within`, p99Ms, 'ms');
    note(`${kind}, longest`, longestMs, 'ms');
  }
  if (sample.away === null) throw new Error('this driver does not tell for how long it was away');
  note('away from requests, 99.99 % within', sample.away.p9999Ms, 'ms');
  note('away from requests, longest', sample.away.longestMs, 'ms');
};
