/**
 * The writer of the snapshot soak, a process of its own: overwrites, appends, truncates, renames and makes anew a fixed set
 * of files, as fast as it can, for ever. While the server is dead it waits for the next one.
 *
 *     node writer.js DIRECTORY BYTES SEED
 *
 * On SIGTERM it prints, as JSON, how many operations it did and the longest of them in ms, and ends.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../trial/random.js';

const [directory, bytes, seed] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const files = 64;
const size = Math.floor(bytes / files);
const random = new SeededRandom(seed);
const outage: readonly string[] = ['ENOTCONN', 'ECONNABORTED', 'EIO', 'EBADF', 'ENOENT', 'ESTALE', 'ENODEV', 'EROFS'];

const nameOf = (n: number): string => join(directory, `d${n % 8}`, `f${n}`);

function operation(): void {
  const name = nameOf(random.below(files));
  const choice = random.below(100);
  if (choice === 0) {
    truncateSync(name, random.below(size));
  } else if (choice === 1) {
    const fd = openSync(`${name}.new`, 'w');
    writeSync(fd, Buffer.alloc(random.below(size), random.below(256)));
    closeSync(fd);
    renameSync(`${name}.new`, name);
  } else {
    const length = choice < 90 ? 4096 : 32_768;
    const fd = openSync(name, 'a+');
    closeSync(fd);
    const to = openSync(name, 'r+');
    writeSync(
      to,
      Buffer.alloc(length, random.below(256)),
      0,
      length,
      Math.floor((random.below(size) / 4096) | 0) * 4096,
    );
    if (choice === 99) fsyncSync(to);
    closeSync(to);
  }
}

let [operations, longest, full, stopped] = [0, 0, 0, false];
process.on('SIGTERM', () => {
  stopped = true;
});
while (!stopped) {
  const began = performance.now();
  try {
    for (let i = 0; i < 8; i++) mkdirSync(join(directory, `d${i}`), { recursive: true });
    for (let i = 0; i < 20; i++) operation();
    operations += 20;
    longest = Math.max(longest, performance.now() - began);
    await new Promise((resolve) => setImmediate(resolve));
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'ENOSPC') full++;
    else if (!outage.includes(code ?? '')) throw e;
    await sleep(20);
  }
}
process.stdout.write(`${JSON.stringify({ operations, longest, full })}\n`);
