/**
 * What to do in which proportion. A long run goes through tides: the tree grows, is worked on, is filled until
 * nothing fits any more, and shrinks again, so that nodes split and merge and the cleaner has work.
 */
import { below, type Random } from '../../fs/store/random.js';
import type { OperationName, Step } from './operations.js';

/** How often each operation comes, against the others. */
export type Weights = Readonly<Partial<Record<OperationName, number>>>;

const always: Weights = {
  lookup: 3,
  getattr: 3,
  read: 10,
  readlink: 1,
  readdir: 0.7,
  seek: 2,
  together: 3,
  getxattr: 1,
  fsyncInBackground: 2,
  fsync: 0.6,
  settle: 0.5,
  sync: 0.2,
  commit: 0.15,
  resettle: 0.15,
  compare: 0.08,
  remount: 0.08,
  planCut: 0.2,
  cut: 0.15,
  kill: 0.05,
  chmod: 3,
  truncate: 3,
  rename: 4,
  link: 2,
  hold: 1.5,
  letGo: 1.5,
  setxattr: 3,
  removexattr: 1,
  fallocate: 2,
  copyRange: 1,
  write: 14,
};

const tides: Readonly<Record<string, Weights>> = {
  grow: {
    create: 25,
    mkdir: 4,
    symlink: 2,
    mknod: 1,
    tmpfile: 0.5,
    scatter: 0.3,
    unlink: 2,
    rmdir: 0.5,
    setxattr: 20,
    bulk: 2,
  },
  work: { create: 6, mkdir: 1, symlink: 1, mknod: 0.5, tmpfile: 1, scatter: 0.5, unlink: 6, rmdir: 1, removeTree: 0.3 },
  fill: { create: 3, fill: 25, scatter: 2, unlink: 1, mkdir: 0.5 },
  shrink: { unlink: 40, rmdir: 10, removeTree: 3, truncate: 8, create: 2, letGo: 8 },
};

const order = ['grow', 'work', 'grow', 'fill', 'work', 'shrink'] as const;

function draw(random: Random, weights: Weights): OperationName {
  const list = Object.entries(weights) as [OperationName, number][];
  let at = random() * list.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [name, weight] of list) {
    at -= weight;
    if (at < 0) return name;
  }
  return list[0][0];
}

/** Steps with the same proportions throughout. */
export function drawEvenly(random: Random, count: number, weights: Weights): Step[] {
  return Array.from({ length: count }, () => ({ name: draw(random, weights), seed: below(random, 2 ** 31) }));
}

/** Not on a mount: it has no power to cut, and what is full may be somebody else's. */
export const notOnMount: readonly OperationName[] = ['cut', 'planCut', 'kill', 'remount', 'fill'];

/** The steps of a run, one after another, without some; a tide lasts for `tide` steps. */
export function* drawSteps(
  random: Random,
  count: number,
  tide: number,
  without: readonly OperationName[] = [],
): Iterable<Step> {
  const left = Object.fromEntries(without.map((name) => [name, 0]));
  for (let i = 0; i < count; i++) {
    const weights = { ...always, ...tides[order[Math.floor(i / tide) % order.length]], ...left };
    yield { name: draw(random, weights), seed: below(random, 2 ** 31) };
  }
}
