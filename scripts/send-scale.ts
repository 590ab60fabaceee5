/**
 * What sending costs on a large volume: half of the files compress well and half do not; a snapshot is sent whole to a
 * second volume, then what changes of 1 % of the data, then the same again through a pipe that breaks 20 times.
 *
 *     npm run build && node dist/scripts/send-scale.js --directory PATH [--gib N] [--seed N] [--minutes N] [--keep]
 *
 * Streams go from one volume to the other in this process, in turns, so times of both ends add up; what each needs of the
 * processor is told beside them, as a busy machine says little by its clock. Hashes are of all names and contents.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileSystem } from '../fs/posix/filesystem.js';
import { openImageFile } from '../fs/store/image-file.js';
import { below, seededRandom } from '../fs/store/random.js';
import { run } from '../fs/suspend.js';
import { Interrupted, receiveStream } from '../fs/transfer/receiver.js';
import { parseToken } from '../fs/transfer/resume-token.js';
import { askedFor, type SendOptions, sendStream } from '../fs/transfer/sender.js';
import type { KeptRoot } from '../fs/volume/kept-roots.js';
import { SnapshotView } from '../fs/volume/snapshot-view.js';
import { Volume } from '../fs/volume/volume.js';
import { scriptOptions } from './script-options.js';

const { values } = scriptOptions({
  options: {
    directory: { type: 'string' },
    gib: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '60' },
    keep: { type: 'boolean', default: false },
  },
});
if (values.directory === undefined) {
  process.stderr.write('send-scale: say where with --directory PATH\n');
  process.exit(2);
}
const gibibyte = 2 ** 30;
const mebibyte = 2 ** 20;
const bytes = Number(values.gib) * gibibyte;
const fileBytes = 32 * mebibyte;
const chunk = 128 * 1024;
const breaks = 20;
const random = seededRandom(Number(values.seed));
const who = { uid: 0, gid: 0, pid: 1 };
const end = Date.now() + Number(values.minutes) * 60_000;
const paths = ['from', 'to'].map((name) => join(values.directory as string, `send-scale-${name}.img`));

const noise = Uint32Array.from({ length: (16 * mebibyte) / 4 }, () => Math.floor(random() * 2 ** 32));

/** Contents of a chunk: noise, or text that compresses to about half. */
function contents(compresses: boolean): Uint8Array {
  const into = Buffer.from(new Uint8Array(noise.buffer, 4 * below(random, noise.length - chunk / 4), chunk));
  if (compresses) for (let at = 0; at < chunk; at += 64) into.fill(`line ${at} `, at + 20, at + 64);
  return into;
}

interface Mounted {
  readonly store: Awaited<ReturnType<typeof openImageFile>>;
  readonly volume: Volume;
}

async function open(path: string, ...options: string[]): Promise<Mounted> {
  const mkfs = fileURLToPath(new URL('../../bin/mkfs.varve', import.meta.url));
  rmSync(path, { force: true });
  execFileSync(mkfs, ['--size', `${Math.ceil((bytes * 1.4) / mebibyte)}M`, ...options, path]);
  const store = await openImageFile(path);
  return { store, volume: await Volume.open(store) };
}

/** Time and work of `what`, told in a line with the bytes that it returns. */
async function measured(name: string, what: () => Promise<number>): Promise<{ bytes: number; seconds: number }> {
  if (Date.now() > end) throw new Error('out of time');
  const [began, before] = [performance.now(), process.cpuUsage()];
  const done = await what();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  const worked = ((user + system) / 1e6).toFixed(1);
  console.log(`${name}: ${(done / mebibyte).toFixed(1)} MiB in ${seconds.toFixed(1)} s (${worked} s of the processor)`);
  return { bytes: done, seconds };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const breathe = (): Promise<void> => Promise.resolve();

async function fill(fs: FileSystem): Promise<number> {
  for (let made = 0; made * fileBytes < bytes; made++) {
    const { inode } = await run(() => fs.mknod(1, Buffer.from(`file ${made}`), 0o100644, 0, 0, who));
    for (let at = 0; at < fileBytes; at += chunk) {
      const data = contents(made % 2 === 0);
      await run(() => fs.write(inode, at, data, who));
      if (at % (8 * mebibyte) === 0) await turn();
    }
    await fs.fsync(inode, true);
  }
  return bytes;
}

/** Other contents for 1 % of the data, in pieces of 128 KiB anywhere. */
async function change(fs: FileSystem): Promise<number> {
  const files = Math.ceil(bytes / fileBytes);
  const chunks = Math.floor(bytes / 100 / chunk);
  for (let i = 0; i < chunks; i++) {
    const number = below(random, files);
    const { inode } = await run(() => fs.lookup(1, Buffer.from(`file ${number}`)));
    const data = contents(number % 2 === 0);
    const at = below(random, fileBytes / chunk) * chunk;
    await run(() => fs.write(inode, at, data, who));
    if (i % 64 === 0) await fs.sync();
  }
  await fs.sync();
  return chunks * chunk;
}

async function hashOf({ volume }: Mounted, name: string): Promise<string> {
  const fs = new FileSystem(new SnapshotView(volume, volume.snapshots.find(name) as KeptRoot), {
    accessTimes: 'noatime',
  });
  const names: [string, number][] = [];
  await run(() => {
    names.length = 0;
    fs.readdir(1, 0, (entry, inode) => names.push([Buffer.from(entry).toString(), inode]) > 0);
  });
  const hash = createHash('sha256');
  const into = new Uint8Array(mebibyte);
  for (const [entry, inode] of names.sort()) {
    if (entry === '.' || entry === '..') continue;
    const { size, mode } = await run(() => fs.getattr(inode));
    hash.update(`${entry} ${size} ${mode}\n`);
    for (let at = 0; at < size; at += into.length) {
      const count = await run(() => fs.read(inode, at, into));
      hash.update(into.subarray(0, count));
    }
  }
  return hash.digest('hex');
}

/** The first bytes of a stream; counted, and all of it unless told. */
async function* part(stream: AsyncIterable<Uint8Array>, counts: { bytes: number }, most = Number.POSITIVE_INFINITY) {
  let left = most;
  for await (const one of stream) {
    const taken = one.subarray(0, left);
    left -= taken.length;
    counts.bytes += taken.length;
    yield taken;
    if (left === 0) return;
  }
}

async function transfer(from: Mounted, to: Mounted, name: string, base?: string): Promise<number> {
  const counts = { bytes: 0 };
  const options = { breathe, from: base === undefined ? undefined : from.volume.snapshots.find(base) };
  const stream = sendStream(from.volume, from.volume.snapshots.find(name) as KeptRoot, options);
  await receiveStream(to.volume, part(stream, counts), { breathe });
  return counts.bytes;
}

/** Through a pipe that breaks. */
async function brokenTransfer(from: Mounted, to: Mounted, name: string, base: string, size: number): Promise<number> {
  const counts = { bytes: 0 };
  let snapshot = from.volume.snapshots.find(name) as KeptRoot;
  let options: SendOptions = { breathe, from: from.volume.snapshots.find(base) };
  for (let i = 0; ; i++) {
    const most = i < breaks ? 2000 + below(random, Math.floor(size / breaks)) : Number.POSITIVE_INFINITY;
    try {
      const stream = sendStream(from.volume, snapshot, options);
      await receiveStream(to.volume, part(stream, counts, most), { breathe, keep: true });
      console.log(`${i} breaks`);
      return counts.bytes;
    } catch (e) {
      if (!(e instanceof Interrupted)) throw e;
      const asked = askedFor(from.volume, parseToken(e.token));
      snapshot = asked.snapshot;
      options = { ...asked, breathe };
    }
  }
}

let wrong = 0;
async function compare(from: Mounted, to: Mounted, name: string): Promise<void> {
  const [a, b] = [await hashOf(from, name), await hashOf(to, name)];
  if (a !== b) wrong++;
  console.log(`${name}: ${a === b ? 'the same' : 'NOT THE SAME'} (${a.slice(0, 16)})`);
}

const from = await open(paths[0], '--compress', 'lz4');
const to = await open(paths[1]);
const fs = new FileSystem(from.volume);
await measured('fill', () => fill(fs));
await from.volume.snapshots.create('full');
const full = await measured('send and receive all', () => transfer(from, to, 'full'));
await measured('change 1 %', () => change(fs));
await from.volume.snapshots.create('changed');
const increment = await measured('send and receive the change', () => transfer(from, to, 'changed', 'full'));
const share = (a: number, b: number): string => `${((100 * a) / b).toFixed(2)} %`;
console.log(
  `of the whole: ${share(increment.bytes, full.bytes)} of the stream, ${share(increment.seconds, full.seconds)} of the time`,
);
await change(fs);
await from.volume.snapshots.create('again');
await measured('the same with breaks', () => brokenTransfer(from, to, 'again', 'changed', increment.bytes));
for (const name of ['full', 'changed', 'again']) await compare(from, to, name);
await fs.close();
for (const { volume, store } of [from, to]) {
  await volume.close();
  await store.close();
}
if (!values.keep) for (const path of paths) rmSync(path, { force: true });
console.log(`send-scale: ${values.gib} GiB, seed ${values.seed}: ${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
