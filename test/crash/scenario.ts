/**
 * A scenario of some sixty operations on a small volume, each acknowledged as a driver would: for crashes at every
 * write of it. What the filesystem holds is noted after each operation.
 *
 * Write, append, overwrite across pages, inline files that grow out, truncations both ways, holes, copies, names of
 * every kind; no operation waits for another, so the operations before any moment are a prefix of the list.
 */
import { createHash } from 'node:crypto';
import { type Change, type Credentials, fallocateFlag } from '../../fs/posix/api.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { seededRandom } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { Volume } from '../../fs/volume/volume.js';
import { dump } from '../../stress/model/dump.js';
import { fixedSuperblock } from '../../stress/system/superblock.js';

export const imageBytes = 16 * 2 ** 20;
const who: Credentials = { uid: 0, gid: 0, pid: 1 };
const bytes = (text: string): Uint8Array => Buffer.from(text);

/** Bytes that tell where they belong. */
const pattern = (length: number, seed: number): Uint8Array => {
  const random = seededRandom(seed);
  return Uint8Array.from({ length }, () => 1 + Math.floor(random() * 255));
};

/** What is on the volume: names, attributes, contents, times of change; by inode and name. */
export interface Seen {
  /** All of it. */
  readonly all: string;
  /** Names and what they lead to, attributes and extended ones; no sizes, contents or times. */
  readonly names: string;
  /** Contents, by inode. */
  readonly files: ReadonlyMap<number, string>;
}

export async function look(api: FileSystem): Promise<Seen> {
  const { facts, files, attributes } = await dump(api);
  const contents = new Map<number, string>();
  for (const [inode, file] of files) {
    const hash = createHash('sha1').update(file.read(0, file.size)).digest('hex').slice(0, 12);
    contents.set(inode, `${file.size} bytes ${hash}`);
  }
  const names = [...facts].map(([key, value]) => `${key}: ${value}`).sort();
  const times = [...attributes].map(([inode, { mtime, ctime, size }]) => {
    return `${inode}: ${size} ${mtime.seconds}.${mtime.nanos} ${ctime.seconds}.${ctime.nanos} ${contents.get(inode)}`;
  });
  return { all: [...names, ...times.sort()].join('\n'), names: names.join('\n'), files: contents };
}

/** Moved by the scenario: what an operation does must not depend on how often it began again. */
class Clock {
  milliseconds = 1_700_000_000_000;
  readonly now = (): number => this.milliseconds;
}

export interface Machine {
  readonly clock: Clock;
  readonly disk: SimulatedDisk;
  readonly volume: Volume;
  readonly api: FileSystem;
}

export async function start(disk: SimulatedDisk, journal: JournalMode): Promise<Machine> {
  const clock = new Clock();
  const volume = await Volume.open(disk, { journal, commitSeconds: 0, clock });
  const api = new FileSystem(volume, { cacheBytes: 4 << 20, accessTimes: 'noatime' });
  await api.recover();
  return { clock, disk, volume, api };
}

/** An image with nothing on it. */
export async function emptyImage(): Promise<SparseBytes> {
  const disk = new SimulatedDisk(imageBytes);
  const initial = initialItems({ seconds: 5, nanos: 6 }, 0, 0, 0o755);
  await Volume.format(disk, { superblock: fixedSuperblock(imageBytes), initial });
  return disk.contents();
}

/** One operation, and what it changes. */
export interface Operation {
  readonly what: string;
  readonly change: Change | 'nothing';
  readonly act: (api: FileSystem, names: Map<string, number>) => unknown;
}

const op = (what: string, change: Operation['change'], act: Operation['act']): Operation => ({ what, change, act });

const create = (name: string): Operation =>
  op(`create ${name}`, 'names', (api, inodes) => {
    const { inode } = api.mknod(1, bytes(name), 0o100644, 0, 0, who);
    api.hold(inode);
    inodes.set(name, inode);
  });
const number = (inodes: Map<string, number>, name: string): number => inodes.get(name) as number;
const write = (name: string, offset: number, length: number, seed: number): Operation =>
  op(`write ${length} at ${offset} of ${name}`, 'file', async (api, inodes) => {
    const written = await run(() => api.write(number(inodes, name), offset, pattern(length, seed), who));
    if (written !== length) throw new Error(`wrote ${written} of ${length}`);
  });
const truncate = (name: string, size: number): Operation =>
  op(`truncate ${name} to ${size}`, 'file', (api, inodes) => api.setattr(number(inodes, name), { size }, who));
const allocate = (name: string, mode: number, offset: number, length: number): Operation =>
  op(`fallocate ${mode} of ${name}`, 'file', (api, inodes) =>
    api.fallocate(number(inodes, name), mode, offset, length),
  );
const rename = (from: string, to: string, flags = 0): Operation =>
  op(`rename ${from} to ${to}`, 'names', (api, inodes) => {
    api.rename(1, bytes(from), 1, bytes(to), flags, who);
    inodes.set(to, number(inodes, from));
  });
const fsync = (name: string): Operation =>
  op(`fsync ${name}`, 'nothing', (api, inodes) => api.fsync(number(inodes, name), false));
export const syncAll: Operation = op('sync', 'nothing', (api) => api.sync());

const { punchHole, keepSize, zeroRange } = fallocateFlag;

/** Everything but syncs. */
export const operations: readonly Operation[] = [
  create('a'),
  write('a', 0, 700, 1),
  write('a', 700, 900, 2),
  write('a', 1600, 9000, 3),
  create('b'),
  write('b', 0, 200_000, 4),
  op('mkdir d', 'names', (api, inodes) => inodes.set('d', api.mkdir(1, bytes('d'), 0o755, 0, who).inode)),
  write('b', 5000, 6000, 5),
  truncate('b', 7001),
  truncate('b', 30_000),
  write('b', 60_000, 10, 6),
  create('c'),
  write('c', 0, 1500, 7),
  op('link c to e', 'names', (api, inodes) => api.link(number(inodes, 'c'), 1, bytes('e'), who)),
  write('c', 100, 50, 8),
  rename('c', 'a'),
  create('f'),
  write('f', 0, 100_000, 9),
  rename('f', 'b', 2),
  allocate('b', punchHole | keepSize, 5000, 20_000),
  allocate('b', zeroRange, 40_000, 9000),
  allocate('a', 0, 0, 50_000),
  op('symlink s', 'names', (api) => api.symlink(1, bytes('s'), bytes('somewhere'), who)),
  op('copy a part of b to a', 'file', (api, inodes) =>
    api.copyRange(number(inodes, 'b'), 1000, number(inodes, 'a'), 500, 3000, who),
  ),
  op('setxattr', 'file', (api, inodes) =>
    api.setxattr(number(inodes, 'b'), bytes('user.x'), pattern(9000, 10), 0, who),
  ),
  op('chmod', 'file', (api, inodes) => api.setattr(number(inodes, 'b'), { mode: 0o600 }, who)),
  op('unlink e', 'names', (api) => api.unlink(1, bytes('e'), who)),
  create('g'),
  write('g', 8 * 4096 + 17, 300_000, 11),
  op('move g into d', 'names', (api, inodes) => api.rename(1, bytes('g'), number(inodes, 'd'), bytes('g'), 0, who)),
  truncate('g', 0),
  write('g', 1, 3, 12),
  write('g', 4, 4000, 13),
  op('removexattr', 'file', (api, inodes) => api.removexattr(number(inodes, 'b'), bytes('user.x'), who)),
  op('rmdir of nothing', 'names', (api, inodes) => inodes.set('h', api.mkdir(1, bytes('h'), 0o700, 0, who).inode)),
  op('rmdir h', 'names', (api) => api.rmdir(1, bytes('h'), who)),
  op('chown clears setuid', 'file', (api, inodes) => api.setattr(number(inodes, 'b'), { mode: 0o4755, uid: 7 }, who)),
  op('copy a hole', 'file', (api, inodes) =>
    api.copyRange(number(inodes, 'b'), 8192, number(inodes, 'a'), 0, 10_000, who),
  ),
];

/** The same with a sync of everything, or a file, after each `every` operations. */
export function withSyncs(every: number): Operation[] {
  return operations.flatMap((operation, i) =>
    (i + 1) % every !== 0 ? [operation] : [operation, i % 2 === 0 ? syncAll : fsync('a')],
  );
}

/** A file written anew and renamed over the old one, again and again, as programs do that want one or the other. */
export const replacements: readonly Operation[] = [
  create('other'),
  ...Array.from({ length: 8 }, (_, i) => [
    create('new'),
    write('new', 0, 6000, 100 + i),
    rename('new', 'file'),
    ...(i % 3 === 2 ? [write('other', 0, 100, i), fsync('other')] : []),
    ...(i === 4 ? [syncAll] : []),
  ]).flat(),
];

/** Do an operation and wait until it may be acknowledged. */
async function perform({ clock, api }: Machine, operation: Operation, inodes: Map<string, number>): Promise<void> {
  clock.milliseconds++;
  await run(() => operation.act(api, inodes));
  if (operation.change !== 'nothing') await api.settled(operation.change);
}

/** What is there before the first operation, and after each. */
export async function rehearse(image: SparseBytes, list: readonly Operation[], journal: JournalMode): Promise<Seen[]> {
  const machine = await start(new SimulatedDisk(imageBytes, { contents: image.copy() }), journal);
  const inodes = new Map<string, number>();
  const seen = [await look(machine.api)];
  for (const operation of list) {
    await perform(machine, operation, inodes);
    seen.push(await look(machine.api));
  }
  await machine.volume.abandon();
  return seen;
}

export interface Cut {
  readonly machine: Machine;
  /** Operations that were acknowledged. */
  readonly done: number;
  /** Operations up to the last acknowledged sync. */
  readonly synced: number;
}

/** Do the scenario until its write number `at` meets the end of the power. Undefined when it never does. */
export async function runUntil(
  image: SparseBytes,
  list: readonly Operation[],
  journal: JournalMode,
  at: number,
  slow?: number,
): Promise<Cut | undefined> {
  const disk = new SimulatedDisk(imageBytes, {
    contents: image.copy(),
    ...(slow === undefined ? {} : { slow: { random: seededRandom(slow), inPlace: 0.5, turns: 3 } }),
  });
  const machine = await start(disk, journal);
  disk.faults.plan('write', disk.faults.counts.write + at, { what: 'power' });
  const inodes = new Map<string, number>();
  let [done, synced] = [0, 0];
  try {
    for (const operation of list) {
      await perform(machine, operation, inodes);
      done++;
      if (operation === syncAll) synced = done;
    }
  } catch (e) {
    if (disk.powered) throw e;
    await machine.volume.abandon();
    return { machine, done, synced };
  }
  await machine.volume.abandon();
  return undefined;
}
