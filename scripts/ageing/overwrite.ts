/** One large file in half of the volume, a quarter of whose pages are written again, anywhere, as a database does. */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '../trial/random.js';

const page = 4096;
const block = 1 << 20;
/** Pages between two fsyncs. */
const together = 64;

/** Returns the bytes that were written. */
export function overwriteAtRandom(directory: string, volumeBytes: number, seed: number): number {
  const random = new SeededRandom(seed);
  const blocks = Math.floor(volumeBytes / 2 / block);
  const bytes = Buffer.alloc(block, seed);
  const file = openSync(join(directory, 'table'), 'wx');
  for (let at = 0; at < blocks; at++) writeSync(file, bytes, 0, block, at * block);
  fsyncSync(file);
  const pages = (blocks * block) / page;
  for (let i = 1; i <= pages / 4; i++) {
    bytes.fill(i, 0, page);
    writeSync(file, bytes, 0, page, random.below(pages) * page);
    if (i % together === 0) fsyncSync(file);
  }
  fsyncSync(file);
  closeSync(file);
  return blocks * block + (pages / 4) * page;
}
