/**
 * Whether requests that wait for the disk overlap: cold 4 KiB reads by 1 to 16 readers on an image whose every read
 * takes 2 ms more, and small appends with fsync by 1 to 16 writers, which share barriers.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { patternBytes, SeededRandom } from '../scripts/trial/random.js';
import type { Workload } from './workload.js';

const pageBytes = 4096;
const pages = 32_768;
const delayMs = 2;
const crowd = [1, 2, 4, 8, 16];
const readSeconds = 1;
const syncsEach = 200;

/** Operations a second of `size` loops at once, each with a file of its own. */
async function rate(
  size: number,
  openOne: (i: number) => Promise<FileHandle>,
  loop: (file: FileHandle, i: number) => Promise<number>,
): Promise<number> {
  const files = await Promise.all(Array.from({ length: size }, (_, i) => openOne(i)));
  const began = performance.now();
  const done = await Promise.all(files.map(loop));
  const seconds = (performance.now() - began) / 1000;
  for (const file of files) await file.close();
  return done.reduce((sum, n) => sum + n, 0) / seconds;
}

export const overlap: Workload = async (volume, note) => {
  const path = join(volume.directory, 'overlap');
  writeFileSync(path, patternBytes(5, pages * pageBytes), { flush: true });
  await volume.unmount();
  await volume.mount(['store=delayed', `delay=${delayMs}`]);
  for (const readers of crowd) {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    const perSecond = await rate(
      readers,
      () => open(path, 'r'),
      async (file, i) => {
        const next = new SeededRandom(100 * readers + i);
        const buffer = new Uint8Array(pageBytes);
        const until = performance.now() + readSeconds * 1000;
        let reads = 0;
        for (; performance.now() < until; reads++) await file.read(buffer, 0, pageBytes, next.below(pages) * pageBytes);
        return reads;
      },
    );
    note(`cold reads of ${delayMs} ms, ${readers} at once`, perSecond, 'per s');
  }
  await volume.unmount();
  await volume.mount();
  const folder = join(volume.directory, 'writers');
  mkdirSync(folder);
  const data = patternBytes(6, pageBytes);
  for (const writers of crowd) {
    const perSecond = await rate(
      writers,
      (i) => open(join(folder, `${writers}-${i}`), 'w'),
      async (file) => {
        for (let n = 0; n < syncsEach; n++) {
          await file.write(data, 0, pageBytes, n * pageBytes);
          await file.sync();
        }
        return syncsEach;
      },
    );
    note(`appends with fsync, ${writers} writers`, perSecond, 'per s');
  }
  if (readFileSync(path).length !== pages * pageBytes) throw new Error('the file that was read has another size');
};
