/**
 * What must not grow with the volume, and what may grow only so far.
 *
 * - `sizes`: mount, commit, fsync, snapshot, unmount and memory, in sparse images of several sizes;
 * - `files`: the same, with ever more files;
 * - `memory`: of a server that is asked for everything, with default settings and with `-o cache=64M`;
 * - `names`: one directory with a million names;
 * - `recovery`: after a crash, and the check of a clean volume, in images of several sizes;
 * - `check`: `fsck.varve -f` of a volume with many files, its time and memory.
 *
 *     npm run scale -- [--what PART] [--sizes 1G,16383G] [--files 10,1000000] [--names N] [--rounds N] [--seed N]
 *                      [--directory PATH [--prepare]] [--json FILE]
 *
 * No file of ext4 is larger than 16 TiB less a block, hence 16383G.
 *
 * With --directory the images with many files stay there, and are used again by the next run: --prepare makes them and times
 * nothing. `memory` and `check` take the one with the most files. Needs root. Exit codes: 0 within the limits, 1 beyond one of them; times are those of a quiet machine.
 */
import { join } from 'node:path';
import { scriptOptions } from '../../scripts/script-options.js';
import { makeManyFiles } from '../../scripts/trial/many-files.js';
import { program } from '../../scripts/trial/volume.js';
import { withWorkspace } from '../../scripts/trial/workspace.js';
import { check } from './check.js';
import { directory } from './directory.js';
import { Figures } from './figures.js';
import { imageOf } from './images.js';
import { memory } from './memory.js';
import { recovery } from './recovery.js';
import { compare, type Vitals, vitals } from './vitals.js';

const parts = ['sizes', 'files', 'memory', 'names', 'recovery', 'check'];
const { values } = scriptOptions({
  options: {
    what: { type: 'string', multiple: true, default: parts },
    sizes: { type: 'string', default: '1G,64G,1T,16383G' },
    files: { type: 'string', default: '10,1000000' },
    names: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    directory: { type: 'string' },
    prepare: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const unknown = values.what.find((part) => !parts.includes(part));
if (unknown !== undefined) {
  process.stderr.write(`scale: there is no part '${unknown}', only ${parts.join(', ')}\n`);
  process.exit(2);
}
const sizes = values.sizes.split(',');
const counts = values.files.split(',').map(Number);
const rounds = Number(values.rounds);
const figures = new Figures();
const does = (part: string): boolean => values.what.includes(part) && !values.prepare;

await withWorkspace(async ({ path, volume }) => {
  const folder = values.directory ?? path;
  if (values.prepare) for (const count of counts) await imageOf(folder, count);
  if (does('sizes')) {
    const all: Vitals[] = [];
    for (const size of sizes) {
      const image = join(path, `${size}.image`);
      await program('mkfs.varve', ['-f', '--size', size, image]);
      await makeManyFiles(image, 10);
      all.push(await vitals(figures, size, image, volume(`size-${size}`), rounds));
    }
    compare(figures, all);
  }
  if (does('files')) {
    const all: Vitals[] = [];
    for (const count of counts) {
      const image = await imageOf(folder, count);
      all.push(await vitals(figures, `${count} files`, image, volume(`files-${count}`), rounds));
    }
    compare(figures, all);
  }
  const most = Math.max(...counts);
  if (does('memory')) await memory(figures, await imageOf(folder, most), most, volume('memory'));
  if (does('names')) await directory(figures, Number(values.names), Number(values.seed), volume('names'));
  if (does('recovery')) await recovery(figures, path, sizes);
  if (does('check')) await check(figures, await imageOf(folder, most), most);
});
if (!values.prepare) process.exitCode = figures.summary(values.json) ? 0 : 1;
