/** One file written and read from its start to its end in pieces of 1 MiB; the read is cold. */
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { patternBytes } from '../scripts/trial/random.js';
import { cold, timed, type Workload } from './workload.js';

const pieces = 512;
const pieceBytes = 2 ** 20;

export const sequential: Workload = async (volume, note) => {
  const path = join(volume.directory, 'sequential');
  const data = patternBytes(1, pieceBytes);
  const write = timed(() => {
    const fd = openSync(path, 'w');
    for (let i = 0; i < pieces; i++) writeSync(fd, data);
    fsyncSync(fd);
    closeSync(fd);
  });
  note('write 512 MiB, fsync at the end', (pieces * pieceBytes) / 1e6 / write, 'MB/s');
  await cold(volume);
  const read = timed(() => {
    const fd = openSync(path, 'r');
    while (readSync(fd, data) > 0);
    closeSync(fd);
  });
  note('read it cold', (pieces * pieceBytes) / 1e6 / read, 'MB/s');
  const again = timed(() => {
    const fd = openSync(path, 'r');
    while (readSync(fd, data) > 0);
    closeSync(fd);
  });
  note('read it again', (pieces * pieceBytes) / 1e6 / again, 'MB/s');
};
