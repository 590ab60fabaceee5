/** Imports under fs/ point one way: a folder knows only what stands above it in this list. */
import { expect, test } from 'vitest';
import { sources } from './sources.js';

const order = [
  ['fs/errors.ts', 'fs/exit-codes.ts', 'fs/suspend.ts', 'fs/units.ts'],
  ['fs/host/'],
  ['fs/format/'],
  ['fs/transform/'],
  ['fs/store/'],
  ['fs/log/'],
  ['fs/cache/'],
  ['fs/tree/'],
  ['fs/cleaner/'],
  ['fs/volume/'],
  ['fs/posix/'],
  ['fs/transfer/'],
  ['fs/scrub/'],
  ['fs/report/'],
  ['fs/fuse/'],
  ['fs/cli/'],
];

const rank = (path: string): number => order.findIndex((layer) => layer.some((prefix) => path.startsWith(prefix)));

test('every file under fs/ belongs to a layer', () => {
  expect(
    sources('fs')
      .filter(({ path }) => rank(path) < 0)
      .map(({ path }) => path),
  ).toEqual([]);
});

test('no layer imports from one below it', () => {
  const wrong: string[] = [];
  for (const { path, imports } of sources('fs')) {
    for (const target of imports) {
      const outside = !target.startsWith('fs/');
      if (outside || rank(target) > rank(path)) wrong.push(`${path} imports ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('programs import from fs and their own folder, and a few from one more', () => {
  const more: Readonly<Record<string, readonly string[]>> = {
    // They run what it has for longer, and write down what the command lines say.
    'scripts/': ['stress/', 'varve/programs.ts'],
    // It adds the commands that are made of more than the library, and describes all programs.
    'varve/': ['stress/command/', 'mkfs/command.ts', 'fsck/command.ts', 'fsck/quota-command.ts', 'library/'],
    // It makes volumes.
    'library/': ['mkfs/'],
    // fsck judges what a crash left.
    'stress/': ['fsck/'],
    // It mounts volumes, and is told what to do, as the scripts are.
    'bench/': ['scripts/trial/', 'scripts/script-options.ts'],
  };
  const wrong: string[] = [];
  for (const { path, imports } of sources('mkfs', 'fsck', 'stress', 'varve', 'library', 'bench', 'scripts')) {
    const own = path.slice(0, path.indexOf('/') + 1);
    const allowed = ['fs/', own, ...(more[own] ?? [])];
    for (const target of imports) {
      if (!allowed.some((prefix) => target.startsWith(prefix))) wrong.push(`${path} imports ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test('only fs/fuse, and the commands that mount, know the kernel', () => {
  const wrong: string[] = [];
  for (const { path, imports } of sources('fs', 'mkfs', 'fsck', 'stress', 'varve', 'library')) {
    if (path.startsWith('fs/fuse/') || path.startsWith('fs/cli/')) continue;
    for (const target of imports) if (target.startsWith('fs/fuse/')) wrong.push(`${path} imports ${target}`);
  }
  expect(wrong).toEqual([]);
});
