/**
 * A load that can prove what was promised to it: it changes files in its own folder, one operation at a time, each
 * followed by fsync or fdatasync, and logs to standard output what begins and what was acknowledged. It runs until
 * it is killed or its mount dies.
 *
 *     node load.js FOLDER SEED PREFIX
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { patternBytes, SeededRandom } from '../trial/random.js';
import type { LogLine, Operation } from './operation.js';

const mostFiles = 60;
const mostBytes = 256 * 1024;

const [folder, seedText, prefix] = process.argv.slice(2);
const random = new SeededRandom(Number(seedText));
const sizes = new Map<string, number>();
for (const name of readdirSync(folder)) sizes.set(name, statSync(join(folder, name)).size);

const log = (line: LogLine): void => {
  writeSync(1, `${JSON.stringify(line)}\n`);
};

function syncing(path: string, flags: string, change: (fd: number) => void, dataOnly = false): void {
  const fd = openSync(path, flags);
  try {
    change(fd);
    if (dataOnly) fdatasyncSync(fd);
    else fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, data: Buffer, offset: number): void {
  for (let done = 0; done < data.length; ) done += writeSync(fd, data, done, data.length - done, offset + done);
}

/** Lengths are mostly small and odd, sometimes of many pages. */
function someLength(): number {
  const kind = random.below(4);
  if (kind === 0) return 1 + random.below(300);
  if (kind === 1) return 1 + random.below(12_000);
  return 1 + random.below(mostBytes);
}

let made = 0;

function choose(): Operation {
  const names = [...sizes.keys()];
  const file = names[random.below(names.length)];
  const fill = random.next();
  const what = random.below(100);
  if (names.length < 5 || (what < 30 && names.length < mostFiles)) {
    made += 1;
    return { kind: 'create', file: `${prefix}-${made}`, length: someLength(), fill };
  }
  if (what < 70) {
    const size = sizes.get(file) ?? 0;
    const append = random.below(3) === 0;
    return { kind: 'write', file, offset: append ? size : random.below(size + 1), length: someLength(), fill };
  }
  if (what < 78) return { kind: 'truncate', file, length: random.below(mostBytes) };
  if (what < 90) {
    made += 1;
    const replaced = names[random.below(names.length)];
    const to = random.below(2) === 0 && replaced !== file ? replaced : `${prefix}-${made}`;
    return { kind: 'rename', file, to };
  }
  return { kind: 'unlink', file };
}

function perform(operation: Operation): void {
  const path = join(folder, operation.file);
  switch (operation.kind) {
    case 'create':
      syncing(path, 'wx', (fd) => writeAll(fd, patternBytes(operation.fill, operation.length), 0));
      sizes.set(operation.file, operation.length);
      break;
    case 'write': {
      const data = patternBytes(operation.fill, operation.length);
      syncing(path, 'r+', (fd) => writeAll(fd, data, operation.offset), random.below(2) === 0);
      sizes.set(operation.file, Math.max(sizes.get(operation.file) ?? 0, operation.offset + operation.length));
      break;
    }
    case 'truncate':
      syncing(path, 'r+', (fd) => ftruncateSync(fd, operation.length));
      sizes.set(operation.file, operation.length);
      break;
    case 'rename': {
      const size = sizes.get(operation.file) ?? 0;
      renameSync(path, join(folder, operation.to));
      syncing(random.below(2) === 0 ? folder : join(folder, operation.to), 'r', () => undefined);
      sizes.delete(operation.file);
      sizes.set(operation.to, size);
      break;
    }
    case 'unlink':
      unlinkSync(path);
      syncing(folder, 'r', () => undefined);
      sizes.delete(operation.file);
      break;
  }
}

for (;;) {
  const operation = choose();
  log({ begins: operation });
  perform(operation);
  log({ durable: true });
}
