/**
 * How long making a snapshot takes, on a volume with ten files and on one with many, timed at the mkdir(2); and btrfs with as
 * many beside it, as far as this machine has it: there at the ioctl that `btrfs subvolume snapshot -r` does.
 *
 *     npm run snapshot-time -- [--files 1000000] [--rounds 20] [--no-btrfs] [--most MS] [--directory PATH [--prepare]]
 *
 * With --directory the images stay there, and are used again by the next run: --prepare makes them and times nothing, so that
 * what is timed can be done in a quiet moment, in half a minute.
 *
 * Nothing is waiting to be written, except that one file has changed before each. Needs root. Exit codes: 0; 1 when the
 * median takes longer than --most (50 ms unless told), or many files take longer than twice what ten do.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { libc } from '../fs/host/libc.js';
import { scriptOptions } from './script-options.js';
import { run } from './trial/command.js';
import { makeManyFiles } from './trial/many-files.js';
import { program, type TrialVolume } from './trial/volume.js';
import { withWorkspace } from './trial/workspace.js';

const { values } = scriptOptions({
  options: {
    files: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '20' },
    btrfs: { type: 'boolean', default: true },
    most: { type: 'string', default: '50' },
    directory: { type: 'string' },
    prepare: { type: 'boolean', default: false },
  },
  allowNegative: true,
});
const many = Number(values.files);
const rounds = Number(values.rounds);
const perDirectory = 1000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const ioctl = libc.func('int ioctl(int fd, ulong request, void *argument)') as (
  fd: number,
  request: number,
  argument: Uint8Array,
) => number;
/** BTRFS_IOC_SNAP_CREATE_V2 and BTRFS_SUBVOL_RDONLY of linux/btrfs.h. */
const snapshotCreate = 0x50009417;
const readOnlySubvolume = 2n;

/** struct btrfs_ioctl_vol_args_v2. */
function snapshotArguments(from: number, name: string): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.writeBigInt64LE(BigInt(from), 0);
  bytes.writeBigUInt64LE(readOnlySubvolume, 16);
  bytes.write(name, 56);
  return bytes;
}

interface Times {
  readonly median: number;
  readonly most: number;
}

const times = (list: number[]): Times => {
  const sorted = list.toSorted((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)], most: sorted[sorted.length - 1] };
};
const text = ({ median, most }: Times): string =>
  `${median.toFixed(1)} ms (median of ${rounds}), at most ${most.toFixed(1)} ms`;

/** Where an image is; true: it was made by a run before. */
function imageIn(folder: string, name: string): { path: string; there: boolean } {
  const path = join(values.directory ?? folder, `snapshot-time-${name}.img`);
  return { path, there: existsSync(path) };
}

/** Undefined: it was only prepared. */
async function ofVarve(folder: string, volume: TrialVolume, count: number): Promise<Times | undefined> {
  const { path, there } = imageIn(folder, `varve-${count}`);
  if (!there) {
    await volume.format('4G');
    await makeManyFiles(volume.image, count);
    await move(volume.image, path);
  }
  symlinkSync(path, volume.image);
  if (values.prepare) return undefined;
  await volume.mount(['commit=300']);
  const { directory } = volume;
  const found: number[] = [];
  for (let i = 0; i < rounds; i++) {
    writeFileSync(join(directory, 'changed'), `${i}`);
    await program('varve', ['sync', directory]);
    const began = performance.now();
    mkdirSync(join(directory, '.snapshots', `s${i}`));
    found.push(performance.now() - began);
  }
  for (let i = 0; i < rounds; i++) rmdirSync(join(directory, '.snapshots', `s${i}`));
  await volume.unmount();
  return times(found);
}

async function fillBtrfs(directory: string, count: number): Promise<void> {
  await run('btrfs', ['subvolume', 'create', join(directory, 'live')]);
  for (let i = 0; i < count; i++) {
    const parent = join(directory, 'live', `d${Math.floor(i / perDirectory)}`);
    if (i % perDirectory === 0) mkdirSync(parent);
    writeFileSync(join(parent, `f${i}`), '');
  }
}

/** Undefined: it was only prepared. */
async function ofBtrfs(folder: string, count: number): Promise<Times | undefined> {
  const { path, there } = imageIn(folder, `btrfs-${count}`);
  const directory = join(folder, 'btrfs');
  mkdirSync(directory, { recursive: true });
  if (!there) {
    const image = join(folder, 'btrfs.img');
    writeFileSync(image, '');
    truncateSync(image, 4 * 2 ** 30);
    await run('mkfs.btrfs', ['-q', '-f', image]);
    await mounted(image, directory, () => fillBtrfs(directory, count));
    await move(image, path);
  }
  if (values.prepare) return undefined;
  return mounted(path, directory, async () => {
    const found: number[] = [];
    const [from, to] = [openSync(join(directory, 'live'), 'r'), openSync(directory, 'r')];
    for (let i = 0; i < rounds; i++) {
      writeFileSync(join(directory, 'live', 'changed'), `${i}`);
      await run('sync', ['-f', directory]);
      const given = snapshotArguments(from, `s${i}`);
      const began = performance.now();
      if (ioctl(to, snapshotCreate, given) !== 0) throw new Error('btrfs makes no snapshot');
      found.push(performance.now() - began);
    }
    closeSync(from);
    closeSync(to);
    for (let i = 0; i < rounds; i++) await run('btrfs', ['subvolume', 'delete', join(directory, `s${i}`)]);
    return times(found);
  });
}

async function mounted<T>(image: string, directory: string, use: () => Promise<T>): Promise<T> {
  await run('mount', ['-o', 'loop', image, directory]);
  try {
    return await use();
  } finally {
    await run('umount', [directory]);
  }
}

/** Also to another filesystem, without what is not there of the file. Whole or not at all. */
async function move(image: string, path: string): Promise<void> {
  await run('cp', ['--sparse=always', image, `${path}.new`]);
  renameSync(`${path}.new`, path);
  rmSync(image);
}

await withWorkspace(async ({ path, volume }) => {
  const medians: number[] = [];
  for (const count of [10, many]) {
    const found = await ofVarve(path, volume(`v${count}`), count);
    if (found !== undefined) {
      medians.push(found.median);
      say(`varve, ${count} files: ${text(found)}`);
    }
    const { status } = await run('which', ['mkfs.btrfs'], { allow: 'any' });
    if (!values.btrfs || status !== 0) continue;
    const other = await ofBtrfs(path, count);
    if (other !== undefined) say(`btrfs, ${count} files: ${text(other)}`);
  }
  if (values.prepare) return;
  if (medians.some((ms) => ms > Number(values.most)) || medians[1] > 2 * medians[0]) process.exitCode = 1;
});
