/**
 * The report of fragmentation of a large volume: makes a new image with many small files, a tenth of them in two or
 * three pieces, through the inode API, and tells what the report took.
 *
 *     npm run build && node dist/scripts/frag-scale.js --image PATH [--files N] [--seed N] [--keep]
 *
 * The report runs in a process of its own, `varve frag`, so that its memory is its own.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { below, chance, seededRandom } from '../fs/store/random.js';
import { run } from '../fs/suspend.js';
import { scriptOptions } from './script-options.js';
import { type Contents, makeManyFiles, who } from './trial/many-files.js';

const { values } = scriptOptions({
  options: {
    image: { type: 'string' },
    files: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
});
const image = values.image;
if (image === undefined) {
  process.stderr.write('frag-scale: say where with --image PATH\n');
  process.exit(2);
}
const files = Number(values.files);
const programs = fileURLToPath(new URL('../../bin/', import.meta.url));
const gibibyte = 2 ** 30;

const random = seededRandom(Number(values.seed));
const bytes = new Uint8Array(3 * 4096).fill(7);

/** Half of the files are short; of those that have a page of their own, a fifth is written in two pieces. */
const contents: Contents = async (fs, inode) => {
  const length = chance(random, 0.5) ? 100 + below(random, 1000) : 1 + below(random, bytes.length);
  await run(() => fs.write(inode, 0, bytes.subarray(0, length), who));
  if (length > 4096 && chance(random, 0.2)) {
    await fs.fsync(inode, false);
    await run(() => fs.write(inode, 4096, bytes.subarray(0, 10), who));
  }
};

interface Measured {
  readonly report: { readonly score: number; readonly files: { readonly count: number; readonly scattered: number } };
  readonly seconds: number;
  /** Most memory that it had, in MiB. */
  readonly peak: number;
}

function measure(path: string): Promise<Measured> {
  const began = performance.now();
  const child = spawn(`${programs}varve`, ['frag', path, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  let peak = 0;
  child.stdout.on('data', (part: Buffer) => {
    text += String(part);
  });
  const watch = setInterval(() => {
    const found = /VmHWM:\s+(\d+) kB/.exec(statusOf(child.pid ?? 0));
    peak = Math.max(peak, Math.round(Number(found?.[1] ?? 0) / 1024));
  }, 50);
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      clearInterval(watch);
      if (code !== 0) reject(new Error(`varve frag: exit ${code}`));
      else
        resolve({ report: JSON.parse(text) as Measured['report'], seconds: (performance.now() - began) / 1000, peak });
    });
  });
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch (e) {
    if (['ENOENT', 'ESRCH'].includes((e as NodeJS.ErrnoException).code ?? '')) return '';
    throw e;
  }
}

async function main(path: string): Promise<number> {
  spawnSync(`${programs}mkfs.varve`, ['-f', '--size', String(16 * gibibyte), path], { stdio: 'ignore' });
  const started = performance.now();
  await makeManyFiles(path, files, contents);
  const filled = performance.now();
  const { report, seconds, peak } = await measure(path);
  process.stdout.write(
    `frag-scale: ${report.files.count} files (${report.files.scattered} scattered, score ${report.score.toFixed(1)}), ` +
      `made in ${Math.round((filled - started) / 1000)} s, report in ${seconds.toFixed(1)} s with ${peak} MiB\n`,
  );
  if (!values.keep) rmSync(path);
  return 0;
}

process.exit(await main(image));
