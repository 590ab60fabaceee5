/**
 * How filesystems grow old: a profile of `varve stress` works on a volume that is nearly full until several times its size
 * was written, or one large file is overwritten at random (`table`); then the tree is walked and read cold, beside the same
 * tree on a new volume of the same kind.
 *
 *     npm run ageing -- --folder DIR [--profile mail,file,table] [--on varve,ext4,...] [--only age|read]
 *                       [--size 512M] [--fill 80] [--times 5] [--rounds 1] [--seed 1]
 *
 * Needs root. `age` leaves images in the folder and `read` measures them, so that only the latter needs a quiet machine.
 * Figures are MB/s of reading all files in the order of names and entries/s of a walk: on the new volume, on the old one, and
 * the share. Both are read in turns, so that what else the machine does hits both. With autodefrag they are read three
 * times: the first reading finds the pages, the others find them in order. Varve without is then defragmented and read again.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseSize } from '../fs/cli/size.js';
import { chill, Ground, kinds } from './ageing/grounds.js';
import { overwriteAtRandom } from './ageing/overwrite.js';
import type { Passed } from './ageing/read-tree.js';
import { scriptOptions } from './script-options.js';
import { run, shell } from './trial/command.js';
import { program } from './trial/volume.js';

const { values } = scriptOptions({
  options: {
    folder: { type: 'string' },
    profile: { type: 'string', default: 'mail,file' },
    on: { type: 'string', default: Object.keys(kinds).join(',') },
    only: { type: 'string' },
    size: { type: 'string', default: '512M' },
    fill: { type: 'string', default: '80' },
    times: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
  },
});
if (values.folder === undefined) {
  process.stderr.write('ageing: say where with --folder DIR\n');
  process.exit(2);
}
const folder = values.folder;
const bytes = parseSize(values.size);
const reader = fileURLToPath(new URL('./ageing/read-tree.js', import.meta.url));
const kib = 1024;
/** What a file takes on average once files come and go, in whole pages, and the share of all that is there. */
const takes: Readonly<Record<string, { readonly each: number; readonly present: number }>> = {
  mail: { each: 20 * kib, present: 0.8 },
  file: { each: 155 * kib, present: 0.8 },
};
/** After so long at the latest, a filesystem with autodefrag has begun to lay anew what was read. */
const idleMs = 8000;

async function age(profile: string, kind: string): Promise<void> {
  const aged = new Ground(folder, `${profile}-${kind}-aged`, kind);
  await aged.format(bytes);
  await aged.mount();
  const said =
    profile === 'table'
      ? `${overwriteAtRandom(aged.directory, bytes, Number(values.seed))} bytes`
      : await stress(profile, aged.directory);
  const fresh = new Ground(folder, `${profile}-${kind}-fresh`, kind);
  await fresh.format(bytes);
  await fresh.mount();
  await shell(`tar -C '${aged.directory}' --sort=name -cf - . | tar -C '${fresh.directory}' -xf -`);
  await fresh.unmount();
  await aged.unmount();
  process.stdout.write(`${profile} ${kind}: ${said}\n`);
}

async function stress(profile: string, directory: string): Promise<string> {
  const { each, present } = takes[profile];
  const files = Math.round((bytes * Number(values.fill)) / 100 / each / present);
  const work = ['--files', String(files), '--write', String(bytes * Number(values.times)), '--seed', values.seed];
  const args = ['stress', '--profile', profile, ...work, '--keep', '--json', directory];
  const { stdout } = await program('varve', args, { limit: 3600 });
  const { space, seconds, bytesWritten } = JSON.parse(stdout);
  return `${bytesWritten} bytes in ${seconds.toFixed(0)} s, ${((100 * space.used) / space.size).toFixed(0)} % full`;
}

/** What both give, side by side: all remember nothing, and take turns. */
async function passed(grounds: readonly Ground[], what: 'walk' | 'read'): Promise<readonly Passed[]> {
  await chill(grounds);
  const directories = grounds.map((ground) => ground.directory);
  const { stdout } = await run(process.execPath, [reader, what, ...directories], { limit: 900 });
  return JSON.parse(stdout) as Passed[];
}

/** `pause`: between both, so that what was read can be laid anew before it is unmounted. */
async function compare(fresh: Ground, aged: Ground, name: string, pause: () => Promise<void>): Promise<void> {
  const speeds = (await passed([fresh, aged], 'read')).map(({ bytes, seconds }) => bytes / 1e6 / seconds);
  await pause();
  const walks = (await passed([fresh, aged], 'walk')).map(({ entries, seconds }) => entries / seconds);
  const ratio = ([whole, old]: readonly number[]): string => (old / whole).toFixed(2);
  const figures = (of: readonly number[]): string => of.map((figure) => figure.toFixed(0).padStart(6)).join('');
  const lines = [name, figures(speeds), 'MB/s', ratio(speeds), figures(walks), 'entries/s', ratio(walks)];
  process.stdout.write(`${lines.join(' ')}\n`);
}

async function read(profile: string, kind: string): Promise<void> {
  const fresh = new Ground(folder, `${profile}-${kind}-fresh`, kind);
  const aged = new Ground(folder, `${profile}-${kind}-aged`, kind);
  const defragments = kind.endsWith('autodefrag');
  const pause = async (): Promise<void> => {
    if (!defragments) return;
    await sleep(idleMs);
    await aged.settled();
  };
  const tell = (what: string): Promise<void> =>
    compare(fresh, aged, `${profile} ${kind.padEnd(17)} ${what.padEnd(12)}`, pause);
  await tell('aged');
  if (defragments) for (const what of ['read once', 'read twice']) await tell(what);
  if (kind === 'varve') {
    await program('varve', ['defrag', aged.directory], { limit: 600 });
    await tell('after defrag');
  }
  await fresh.unmount();
  await aged.unmount();
}

mkdirSync(folder, { recursive: true });
for (const profile of values.profile.split(',')) {
  for (const kind of values.on.split(',')) {
    if (values.only !== 'read') await age(profile, kind);
    if (values.only === 'age') continue;
    if (!existsSync(join(folder, `${profile}-${kind}-aged.img`))) throw new Error(`${profile} on ${kind} has not aged`);
    for (let round = 0; round < Number(values.rounds); round++) await read(profile, kind);
  }
}
