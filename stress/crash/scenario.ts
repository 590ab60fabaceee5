/**
 * The runs whose crash states are taken: random operations on a volume of 64 small segments. Six kinds of beginning: a
 * new volume; a worn one; one on which no segment is left but what the cleaner needs, so that whoever writes has to wait
 * for it; a worn one on which reserved space leaves room for little; one with snapshots; and one with a snapshot of a file
 * in many pieces, on which the cleaner is needed always and there is little room. The last two have snapshots, branches
 * and streams among the operations. Further runs go on from a crash state of the one before.
 */

import { fallocateFlag } from '../../fs/posix/api.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { below, chance, type Random } from '../../fs/store/random.js';
import { SimulatedDisk } from '../../fs/store/simulated-disk.js';
import type { SparseBytes } from '../../fs/store/sparse-bytes.js';
import { run } from '../../fs/suspend.js';
import { pageSize } from '../../fs/units.js';
import type { JournalMode } from '../../fs/volume/journal-mode.js';
import { Volume } from '../../fs/volume/volume.js';
import type { Step } from '../random/operations.js';
import { drawEvenly, type Weights } from '../random/steps.js';
import { VarveMaker } from '../system/varve.js';

export const imageBytes = 16 << 20;
export const geometry = { segmentShift: 5, places: 64 } as const;

export const beginnings = ['new', 'worn', 'tight', 'full', 'snapshots', 'pieces'] as const;
export type Beginning = (typeof beginnings)[number];
/** With snapshots, branches and streams; the dearer ones less often. */
export const beginningsWithRoots: readonly Beginning[] = ['snapshots', 'snapshots', 'snapshots', 'pieces'];
export const hasRoots = (kind: Beginning): boolean => beginningsWithRoots.includes(kind);
/** No segment is left but what the cleaner needs. */
const cleansAlways = (kind: Beginning): boolean => kind === 'tight' || kind === 'pieces';

const who = { uid: 0, gid: 0, pid: 1 };
/** Files that keep pages, and how many of them keep one in each round: what is written over rarely empties a segment in a tight volume. */
const keeping = { worn: { files: 8, each: 1 }, tight: { files: 40, each: 3 } } as const;
/** Rounds of wearing, about a segment each; while more than so many places are left above the cleaner's, in a tight volume. */
const rounds = 52;
const mostLeft = 2;
/** Pages of what does not stay in a round. */
const passing = 24;
/** Pieces of a file; many make more chunks of dropped runs than one step takes. */
const [few, many] = [20, 420];
/** Pages that the reserved space of a full volume leaves. */
const leftFree = 60;
/** The same where a snapshot needs room for copies of nodes. */
const leftFreeWithSnapshots = 120;

const made = new Map<Beginning, SparseBytes>();

/** An image to begin with, the same each time. */
export async function beginning(kind: Beginning): Promise<SparseBytes> {
  const image = made.get(kind) ?? (await makeBeginning(kind));
  made.set(kind, image);
  return image.copy();
}

async function makeBeginning(kind: Beginning): Promise<SparseBytes> {
  const now = (): number => 1_600_000_000_000;
  const disk = new SimulatedDisk(imageBytes);
  await new VarveMaker({ now, ...geometry }).format(disk);
  if (kind === 'new') return disk.contents();
  const volume = await Volume.open(disk, { commitSeconds: 0, clock: { now } });
  const api = new FileSystem(volume, { cacheBytes: 4 << 20 });
  const { table, space } = volume.state;
  const left = (): number => table.reusablePlaces + table.pendingPlaces - space.cleaningPlaces;
  if (hasRoots(kind)) await keepVersions(volume, api, kind === 'pieces' ? many : few);
  if (cleansAlways(kind)) await wear(api, keeping.tight, () => left() > mostLeft);
  else if (!hasRoots(kind)) await wear(api, keeping.worn, (round) => round < rounds);
  if (kind === 'full') await reserve(api, leftFree);
  if (kind === 'pieces') await reserve(api, leftFreeWithSnapshots);
  await api.close();
  await volume.close();
  return disk.contents();
}

async function reserve(api: FileSystem, free: number): Promise<void> {
  const { inode } = await run(() => api.mknod(1, Buffer.from('reserved'), 0o100644, 0, 0, who));
  const pages = Math.max(1, api.statfs().availablePages - free);
  await run(() => api.fallocate(inode, fallocateFlag.keepSize, 0, pages * pageSize));
}

/** A file in pieces, removed between two snapshots: of many, the first one takes several steps to leave. */
async function keepVersions(volume: Volume, api: FileSystem, pieces: number): Promise<void> {
  const { inode } = await run(() => api.mknod(1, Buffer.from('in pieces'), 0o100644, 0, 0, who));
  for (let piece = 0; piece < pieces; piece++)
    await run(() => api.write(inode, 2 * piece * pageSize, Buffer.alloc(pageSize, piece), who));
  await volume.snapshots.create('in pieces');
  await run(() => api.unlink(1, Buffer.from('in pieces'), who));
  await run(() => api.mknod(1, Buffer.from('after it'), 0o100644, 0, 0, who));
  await volume.snapshots.create('after it');
}

/** Each segment keeps a page of some files, as long as it is to go on. */
async function wear(
  api: FileSystem,
  { files, each }: { readonly files: number; readonly each: number },
  goesOn: (round: number) => boolean,
): Promise<void> {
  const make = (name: string): Promise<number> => run(() => api.mknod(1, Buffer.from(name), 0o100644, 0, 0, who).inode);
  const kept: number[] = [];
  for (let i = 0; i < files; i++) kept.push(await make(`kept ${i}`));
  const gone = await make('gone');
  for (let round = 0; goesOn(round); round++) {
    const page = Buffer.alloc(pageSize, 1 + round);
    for (let nth = round * each; nth < (round + 1) * each; nth++)
      await run(() => api.write(kept[nth % files], pageSize * Math.floor(nth / files), page, who));
    await run(() => api.write(gone, 0, Buffer.alloc(passing * pageSize, round), who));
    await api.sync();
  }
  await run(() => api.unlink(1, Buffer.from('gone'), who));
}

/** Little data, names of every kind, and many syncs. */
const calm: Weights = {
  create: 6,
  mkdir: 1.5,
  symlink: 0.7,
  mknod: 0.3,
  tmpfile: 0.7,
  hold: 0.7,
  letGo: 0.7,
  link: 2,
  unlink: 4,
  rmdir: 0.7,
  rename: 5,
  chmod: 2,
  truncate: 4,
  write: 16,
  read: 0.5,
  setxattr: 2,
  removexattr: 0.7,
  fallocate: 2.5,
  copyRange: 1.5,
  fsync: 3,
  fsyncInBackground: 6,
  settle: 1,
  sync: 1,
  commit: 0.6,
};

/** Much is written over, and the cleaner has no rest. */
const busy: Weights = {
  ...calm,
  write: 30,
  fill: 6,
  scatter: 2,
  unlink: 5,
  truncate: 5,
  fsyncInBackground: 9,
  commit: 1,
};

/** Hardly anything but what wears segments out: writers, fsyncs and the cleaner meet. */
const wearing: Weights = { ...busy, rewrite: 25, fill: 2, link: 1, symlink: 0.3, rename: 3, create: 3, mkdir: 0.5 };

/** What is done with snapshots, beside anything else. */
const withRoots: Weights = {
  snapshot: 3.5,
  dropSnapshot: 2.5,
  renameSnapshot: 0.4,
  branch: 2,
  dropBranch: 1,
  turn: 1.2,
  rollback: 1.5,
  send: 1,
  receive: 2.5,
  giveUp: 0.4,
  resettle: 0.6,
};

export interface Scenario {
  readonly steps: readonly Step[];
  readonly mostBytes: number;
  /** The volume is closed at the end. */
  readonly closed: boolean;
}

export function drawScenario(random: Random, kind: Beginning, journal: JournalMode): Scenario {
  const weights = kind === 'new' ? calm : cleansAlways(kind) ? wearing : chance(random, 0.6) ? busy : calm;
  // Operations that overlap have no order, which mode `data` would be judged by.
  const together = journal === 'data' ? {} : { together: 1.5 };
  const roots = hasRoots(kind) ? withRoots : {};
  return {
    steps: drawEvenly(random, 20 + below(random, 60), { ...weights, ...together, ...roots }),
    mostBytes: weights === calm ? 16 << 10 : 64 << 10,
    closed: chance(random, 0.3),
  };
}
