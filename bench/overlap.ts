/** Whether requests that wait for the disk overlap: cold 4 KiB reads by 1 to 16 readers on an image whose every read takes 2 ms more. */
import { readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { patternBytes, SeededRandom } from '../scripts/trial/random.js';
import { crowdRate } from './crowd.js';
import type { Workload } from './workload.js';

const pageBytes = 4096;
const pages = 32_768;
const delayMs = 2;
const crowd = [1, 2, 4, 8, 16];
const readSeconds = 1;

export const overlap: Workload = async (volume, note) => {
  const path = join(volume.directory, 'overlap');
  writeFileSync(path, patternBytes(5, pages * pageBytes), { flush: true });
  await volume.unmount();
  await volume.mount(['store=delayed', `delay=${delayMs}`]);
  for (const readers of crowd) {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    const perSecond = await crowdRate(
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
  if (readFileSync(path).length !== pages * pageBytes) throw new Error('the file that was read has another size');
};
