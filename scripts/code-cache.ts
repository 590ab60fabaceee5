/**
 * Makes the code caches of the programs (bin/load.cjs), as the last step of the build: each program does some of its
 * work in a process of its own, on an image that is thrown away, so that its cache holds the functions that a start
 * runs through. The server rehearses instead of mounting (fs/cli/rehearse.ts): a machine that builds may have no FUSE.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { rehearse } from '../fs/cli/rehearse.js';

type Main = (args: readonly string[]) => Promise<unknown>;

interface Loader {
  cacheFile(program: string): string;
  load(program: string): {
    readonly exports: { main: Main; rehearse: typeof rehearse };
    /** What its cache file should hold. */
    cache(): Buffer;
  };
}

const { cacheFile, load } = createRequire(import.meta.url)('../../bin/load.cjs') as Loader;

/** What each program does for its cache, in the order in which they need each other's work. */
const work: Readonly<Record<string, (image: string) => string[][]>> = {
  'mkfs.varve': (image) => [['-q', '--size', '64M', image]],
  'fsck.varve': (image) => [[image], ['-f', '-n', image]],
  varve: (image) => [
    ['info', image],
    ['df', image],
    ['snapshot', 'list', image],
    ['umount', image],
  ],
  'mount.varve': () => [],
};

async function makeCache(program: string, image: string): Promise<void> {
  const { exports, cache } = load(program);
  for (const args of work[program]!(image)) await exports.main(args);
  if (program === 'mount.varve')
    await exports.rehearse(idleMount, console.error, [
      { acts: 20, recollections: 20 },
      { acts: 60, recollections: 20 },
    ]);
  // A reader finds all of it or nothing.
  const file = cacheFile(program);
  writeFileSync(`${file}.new`, cache());
  renameSync(`${file}.new`, file);
}

const idleMount = { traffic: () => ({ requests: 0, waiting: 0, idleMs: 1000, ended: false }) };

function makeAll(): void {
  const folder = mkdtempSync(join(tmpdir(), 'varve-code-cache-'));
  try {
    for (const program of Object.keys(work)) {
      const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), program, join(folder, 'image')], {
        stdio: ['ignore', 'ignore', 'pipe'],
        encoding: 'utf8',
      });
      if (child.status !== 0) throw new Error(`the code cache of ${program} could not be made: ${child.stderr}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [program, image] = process.argv.slice(2);
if (program === undefined) makeAll();
else await makeCache(program, image!);
