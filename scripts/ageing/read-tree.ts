/**
 * Goes through a tree once and tells as JSON how long that took: `walk` looks at every entry in the order in which it is
 * listed, as find(1) and `ls -lR` do; `read` reads every file, in the order of names, as an archiver does that sorts.
 *
 *     read-tree.js walk|read DIRECTORY
 */
import { closeSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

export interface Passed {
  readonly seconds: number;
  readonly entries: number;
  readonly bytes: number;
}

const buffer = new Uint8Array(1 << 20);

function readWhole(path: string): number {
  const fd = openSync(path, 'r');
  let bytes = 0;
  for (let got = -1; got !== 0; bytes += got) got = readSync(fd, buffer, 0, buffer.length, null);
  closeSync(fd);
  return bytes;
}

function pass(root: string, reads: boolean): Passed {
  const began = performance.now();
  let [entries, bytes] = [0, 0];
  const visit = (directory: string): void => {
    const names = readdirSync(directory);
    if (reads) names.sort();
    for (const name of names) {
      const path = join(directory, name);
      const found = lstatSync(path);
      entries++;
      if (found.isDirectory()) visit(path);
      else if (reads && found.isFile()) bytes += readWhole(path);
    }
  };
  visit(root);
  return { seconds: (performance.now() - began) / 1000, entries, bytes };
}

const [what, root] = process.argv.slice(2);
process.stdout.write(JSON.stringify(pass(root, what === 'read')));
