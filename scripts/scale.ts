/**
 * What must not grow with the volume, and what may grow only so far:
 *
 * - recovery after a crash, and the check of a clean volume, in sparse images of 1 GiB, 64 GiB and 1 TiB that went through
 *   the same load (--what recovery);
 * - `fsck.varve -f` of a volume with a million files, its time and memory (--what files).
 *
 *     npm run scale -- [--what recovery|files] [--files N] [--seconds S] [--megabytes M]
 *
 * Images lie in a new folder under TMPDIR and are removed. Nothing of them is in the host's memory when they are checked.
 * Exit codes: 0 within the limits, 1 beyond one of them.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FileSystem } from '../fs/posix/filesystem.js';
import { openImageFile } from '../fs/store/image-file.js';
import { run } from '../fs/suspend.js';
import { Volume } from '../fs/volume/volume.js';
import { scriptOptions } from './script-options.js';

const { values } = scriptOptions({
  options: {
    what: { type: 'string', multiple: true, default: ['recovery', 'files'] },
    files: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '60' },
    megabytes: { type: 'string', default: '512' },
  },
});

const programs = path.resolve(import.meta.dirname, '../../bin');
const who = { uid: 0, gid: 0, pid: 1 };
/** Limit of the check of a clean volume, in seconds; and how much longer the largest volume may take to recover. */
const mostClean = 0.5;
const mostGrowth = 3;
const perDirectory = 1000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

interface Took {
  readonly seconds: number;
  readonly megabytes: number;
  readonly code: number | null;
}

/** Run a program, and see how much memory it takes at most. */
async function program(name: string, ...args: string[]): Promise<Took> {
  const began = performance.now();
  const child = spawn(path.join(programs, name), args, { stdio: ['ignore', 'ignore', 'inherit'] });
  let peak = 0;
  const look = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      // It has ended.
    }
  }, 20);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(look);
  return { seconds: (performance.now() - began) / 1000, megabytes: peak / 1024, code };
}

/** The host forgets what it has of the image. */
function forget(image: string): void {
  spawnSync('dd', [`of=${image}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' });
}

async function opened(image: string): Promise<{ volume: Volume; fs: FileSystem; end(): Promise<void> }> {
  const store = await openImageFile(image);
  const volume = await Volume.open(store, { commitSeconds: 0 });
  return { volume, fs: new FileSystem(volume), end: () => store.close() };
}

/** Files, and what is journalled of them, in a volume that is then left as by a crash. */
async function load(image: string): Promise<void> {
  const { volume, fs, end } = await opened(image);
  const files: number[] = [];
  for (let i = 0; i < 3000; i++) {
    const { inode } = await run(() => fs.mknod(1, Buffer.from(`file ${i}`), 0o100644, 0, 0, who));
    await run(() => fs.write(inode, 0, Buffer.alloc(5000, `${i} `), who));
    files.push(inode);
    if (i === 1000) await volume.commit();
    if (i > 1000 && i % 100 === 0) await fs.fsync(inode, false);
  }
  await fs.sync();
  await volume.abandon();
  await end();
}

/** Seconds from a crash to a volume that can be used. */
async function recover(image: string): Promise<number> {
  forget(image);
  const began = performance.now();
  const { volume, fs, end } = await opened(image);
  await fs.recover();
  const seconds = (performance.now() - began) / 1000;
  if (volume.counters.recoveredRecords === 0) throw new Error('there was nothing to recover');
  await fs.close();
  await volume.close();
  await end();
  return seconds;
}

async function recovery(folder: string): Promise<boolean> {
  const recovered: number[] = [];
  let right = true;
  for (const size of ['1G', '64G', '1T']) {
    const image = path.join(folder, `${size}.img`);
    const times: number[] = [];
    const checks: number[] = [];
    for (let round = 0; round < 3; round++) {
      await program('mkfs.varve', '-f', '--size', size, image);
      await load(image);
      times.push(await recover(image));
      forget(image);
      const { seconds, code } = await program('fsck.varve', image);
      if (code !== 0) throw new Error(`fsck.varve of a clean volume answers ${code}`);
      checks.push(seconds);
    }
    rmSync(image);
    recovered.push(median(times));
    right &&= median(checks) < mostClean;
    say(
      `${size}: recovery ${median(times).toFixed(3)} s, clean fsck.varve ${median(checks).toFixed(3)} s (medians of 3)`,
    );
  }
  return right && (recovered.at(-1) ?? 0) < mostGrowth * recovered[0];
}

async function manyFiles(folder: string): Promise<boolean> {
  const image = path.join(folder, 'files.img');
  const count = Number(values.files);
  await program('mkfs.varve', '-f', '--size', '8G', image);
  const built = performance.now();
  const { volume, fs, end } = await opened(image);
  for (let i = 0, directory = 1; i < count; i++) {
    if (i % perDirectory === 0) {
      const name = Buffer.from(`directory ${i / perDirectory}`);
      directory = await run(() => fs.mkdir(1, name, 0o755, 0, who).inode);
      await volume.commit();
    }
    const name = Buffer.from(`file ${i}`);
    const { inode } = await run(() => fs.mknod(directory, name, 0o100644, 0, 0, who));
    if (i % 10 === 0) await run(() => fs.write(inode, 0, Buffer.alloc(5000, 'x'), who));
  }
  await fs.close();
  await volume.close();
  await end();
  say(`${count} files were made in ${((performance.now() - built) / 1000).toFixed(0)} s`);
  forget(image);
  const { seconds, megabytes, code } = await program('fsck.varve', '-f', image);
  say(`fsck.varve -f of ${count} files: ${seconds.toFixed(1)} s, at most ${megabytes.toFixed(0)} MiB, exit ${code}`);
  return code === 0 && seconds < Number(values.seconds) && megabytes < Number(values.megabytes);
}

const folder = mkdtempSync(path.join(process.env.TMPDIR ?? tmpdir(), 'varve-scale-'));
let right = true;
try {
  if (values.what.includes('recovery')) right = await recovery(folder);
  if (values.what.includes('files')) right = (await manyFiles(folder)) && right;
} finally {
  rmSync(folder, { recursive: true });
}
process.exitCode = right ? 0 : 1;
