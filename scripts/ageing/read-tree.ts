/**
 * Goes through trees of the same names once and tells as JSON how long each took: `walk` looks at every entry in the order
 * in which it is listed, as find(1) and `ls -lR` do; `read` reads every file, in the order of names, as an archiver does
 * that sorts. The trees take turns of about a tenth of a second, so that what else the machine does hits all of them.
 *
 *     read-tree.js walk|read DIRECTORY...
 */
import { closeSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';

export interface Passed {
  readonly seconds: number;
  readonly entries: number;
  readonly bytes: number;
}

const turnMs = 100;
const buffer = new Uint8Array(1 << 20);

/** Yields bytes as they are read. */
function* contents(path: string): Generator<number> {
  const fd = openSync(path, 'r');
  for (let got = -1; got !== 0; yield got) got = readSync(fd, buffer, 0, buffer.length, null);
  closeSync(fd);
}

/** Yields -1 for each entry, and then the bytes read of it. */
function* entriesOf(directory: string, reads: boolean): Generator<number> {
  const names = readdirSync(directory);
  if (reads) names.sort();
  for (const name of names) {
    const path = join(directory, name);
    const found = lstatSync(path);
    yield -1;
    if (reads && found.isFile()) yield* contents(path);
    if (found.isDirectory()) yield* entriesOf(path, reads);
  }
}

class Pass {
  seconds = 0;
  entries = 0;
  bytes = 0;
  private readonly rest: Generator<number>;

  constructor(root: string, reads: boolean) {
    this.rest = entriesOf(root, reads);
  }

  /** False when the tree has come to its end. */
  turn(): boolean {
    const began = performance.now();
    let more = true;
    while (more && performance.now() - began < turnMs) {
      const next = this.rest.next();
      more = next.done !== true;
      if (next.done) break;
      if (next.value < 0) this.entries++;
      else this.bytes += next.value;
    }
    this.seconds += (performance.now() - began) / 1000;
    return more;
  }

  get passed(): Passed {
    return { seconds: this.seconds, entries: this.entries, bytes: this.bytes };
  }
}

const [what, ...roots] = process.argv.slice(2);
const passes = roots.map((root) => new Pass(root, what === 'read'));
for (let left = passes; left.length > 0; ) left = left.filter((pass) => pass.turn());
process.stdout.write(JSON.stringify(passes.map((pass) => pass.passed)));
