/** Pages of one file at random places: written with one fsync, written with an fsync each, read cold. */
import { closeSync, fdatasyncSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { patternBytes, SeededRandom } from '../scripts/trial/random.js';
import { cold, timed, type Workload } from './workload.js';

const pages = 32_768;
const pageBytes = 4096;

export const random: Workload = async (volume, note) => {
  const path = join(volume.directory, 'random');
  const data = patternBytes(2, pageBytes);
  const next = new SeededRandom(3);
  const fd = openSync(path, 'w+');
  ftruncateSync(fd, pages * pageBytes);
  const write = timed(() => {
    for (let i = 0; i < pages; i++) writeSync(fd, data, 0, pageBytes, next.below(pages) * pageBytes);
    fsyncSync(fd);
  });
  note('4 KiB writes, fsync at the end', pages / write, 'per s');
  const syncs = 500;
  const synced = timed(() => {
    for (let i = 0; i < syncs; i++) {
      writeSync(fd, data, 0, pageBytes, next.below(pages) * pageBytes);
      fdatasyncSync(fd);
    }
  });
  note('4 KiB write and fdatasync', (1e6 * synced) / syncs, 'us');
  closeSync(fd);
  await cold(volume);
  const reads = 4000;
  const again = openSync(path, 'r');
  const read = timed(() => {
    for (let i = 0; i < reads; i++) readSync(again, data, 0, pageBytes, next.below(pages) * pageBytes);
  });
  closeSync(again);
  note('4 KiB read, cold', (1e6 * read) / reads, 'us');
};
