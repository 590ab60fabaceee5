/** Writes files into a folder, each followed by fsync, and prints name and SHA-256 of each that was acknowledged. */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);

for (let number = 1; ; number++) {
  const name = `file-${String(number).padStart(5, '0')}`;
  const data = randomBytes(1 + ((number * 7919) % 100_000));
  const fd = openSync(join(folder, name), 'wx');
  for (let done = 0; done < data.length; ) done += writeSync(fd, data, done);
  fsyncSync(fd);
  closeSync(fd);
  writeSync(1, `${name} ${createHash('sha256').update(data).digest('hex')}\n`);
}
