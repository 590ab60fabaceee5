/**
 * Compression: what is left of several corpora, and how quickly they are written (until they are durable) and read
 * cold, by each transform, encrypted where `aes-256-gcm` is one; and the same on btrfs and on zfs-fuse (whose daemon this starts) by theirs, where those are
 * installed. Not among the benchmarks that run by default.
 *
 *     node dist/bench/compression.js [--mebibytes 64] [--only lz4,deflate:1,btrfs:lzo] [--json FILE]
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, fsyncSync, mkdirSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { scriptOptions } from '../scripts/script-options.js';
import { run, start } from '../scripts/trial/command.js';
import type { TrialVolume } from '../scripts/trial/volume.js';
import { type Workspace, withWorkspace } from '../scripts/trial/workspace.js';
import { type Corpus, corpora, corpusBytes } from './corpora.js';
import { timed } from './workload.js';

const { values } = scriptOptions({
  options: {
    mebibytes: { type: 'string', default: '64' },
    only: {
      type: 'string',
      default:
        'none,aes-256-gcm,lz4+aes-256-gcm,lz4,lz4:9,deflate:1,deflate:6,btrfs:none,btrfs:lzo,btrfs:zstd:1,btrfs:zstd:3,zfs:off,zfs:lzjb,zfs:gzip-6',
    },
    json: { type: 'string' },
  },
});

interface Figures {
  readonly how: string;
  readonly corpus: string;
  /** Stored bytes for 100 bytes. */
  readonly percent: number;
  readonly writeMBs: number;
  readonly readMBs: number;
}

/** A filesystem that is mounted anew, with nothing in memory, when asked. */
interface Ground {
  readonly directory: string;
  begin(): Promise<void>;
  sync(): Promise<void>;
  cold(): Promise<void>;
  end(): Promise<void>;
}

const size = '4G';
/** Makes all durable that the server has: so it is with Varve, and with a file that was written last with zfs-fuse. */
async function fsyncDirectory(directory: string): Promise<void> {
  const fd = openSync(directory, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

/** Of destroying a pool, a tenth of a second apart. */
const mostTries = 50;

const noMemory = async (): Promise<void> => writeFileSync('/proc/sys/vm/drop_caches', '3');

const encryption = 'aes-256-gcm';

function varve(workspace: Workspace, volume: TrialVolume, how: string): Ground {
  const key = join(workspace.path, 'key');
  writeFileSync(key, randomBytes(64));
  const names = how.split('+');
  const encrypted = names.includes(encryption);
  const compression = names.find((name) => name !== encryption) ?? 'none';
  const mount = () => volume.mount(encrypted ? [`keyfile=${key}`] : []);
  return {
    directory: volume.directory,
    begin: async () => {
      await volume.format(size, '--compress', compression, ...(encrypted ? ['--encrypt', '--key-file', key] : []));
      await mount();
    },
    sync: () => fsyncDirectory(volume.directory),
    cold: async () => {
      await volume.unmount();
      await noMemory();
      await mount();
    },
    end: async () => void (await volume.unmount()),
  };
}

function btrfs(workspace: Workspace, how: string): Ground {
  const image = join(workspace.path, 'btrfs.img');
  const directory = join(workspace.path, 'btrfs');
  const options = how === 'none' ? 'loop' : `loop,compress=${how}`;
  const mount = async (): Promise<void> => void (await run('mount', ['-o', options, image, directory], { limit: 60 }));
  const unmount = async (): Promise<void> => void (await run('umount', [directory], { limit: 60 }));
  return {
    directory,
    begin: async () => {
      mkdirSync(directory, { recursive: true });
      await run('truncate', ['-s', size, image], { limit: 10 });
      await run('mkfs.btrfs', ['-q', '-f', '-m', 'single', image], { limit: 60 });
      await mount();
    },
    sync: async () => void (await run('sync', ['-f', directory], { limit: 60 })),
    cold: async () => {
      await unmount();
      await noMemory();
      await mount();
    },
    end: unmount,
  };
}

function groundOf(workspace: Workspace, volume: TrialVolume, how: string): Ground {
  if (how.startsWith('btrfs:')) return btrfs(workspace, how.slice('btrfs:'.length));
  return how.startsWith('zfs:') ? zfs(workspace, how.slice('zfs:'.length)) : varve(workspace, volume, how);
}

/** zfs-fuse: its pool is a file; to export and import it empties its memory. */
function zfs(workspace: Workspace, how: string): Ground {
  const folder = join(workspace.path, 'zfs-image');
  const image = join(folder, 'image');
  const directory = join(workspace.path, 'zfs');
  const pool = `varvebench${process.pid}`;
  const zpool = async (...args: string[]): Promise<void> => void (await run('zpool', args, { limit: 120 }));
  let daemon: ChildProcess | undefined;
  return {
    directory,
    begin: async () => {
      mkdirSync(folder, { recursive: true });
      mkdirSync('/var/run/zfs', { recursive: true });
      daemon = start('zfs-fuse', ['-n', '--no-kstat-mount'], 'ignore');
      while ((await run('zpool', ['list'], { allow: 'any', limit: 10 })).status !== 0) await sleep(50);
      await run('truncate', ['-s', size, image], { limit: 10 });
      const properties = ['-O', `mountpoint=${directory}`, '-O', `compression=${how}`];
      await zpool('create', '-f', '-o', 'cachefile=none', ...properties, pool, image);
    },
    sync: () => fsyncDirectory(directory),
    cold: async () => {
      await zpool('export', pool);
      await noMemory();
      await zpool('import', '-d', folder, '-o', 'cachefile=none', pool);
    },
    end: async () => {
      try {
        await destroyPool(pool);
      } finally {
        // It takes seconds to end, and another does not start before.
        if (daemon?.exitCode === null && daemon.signalCode === null) {
          const ended = once(daemon, 'exit');
          daemon.kill();
          await ended;
        }
      }
    },
  };
}

/** What was read last may still be closing: then it is busy. */
async function destroyPool(pool: string): Promise<void> {
  for (let left = mostTries; ; left--) {
    const { status, stderr } = await run('zpool', ['destroy', '-f', pool], { limit: 120, allow: 'any' });
    if (status === 0) return;
    if (left === 0) throw new Error(stderr);
    await sleep(100);
  }
}

async function measure(ground: Ground, how: string, corpus: Corpus): Promise<Figures> {
  const bytes = corpusBytes(corpus);
  await ground.begin();
  try {
    const before = await used(ground);
    const began = performance.now();
    for (const { path, contents } of corpus.files) write(join(ground.directory, path), contents);
    await ground.sync();
    const written = (performance.now() - began) / 1000;
    await ground.cold();
    // By now all of them have counted what they wrote.
    const stored = (await used(ground)) - before;
    const read = timed(() => {
      for (const { path } of corpus.files) readAll(join(ground.directory, path));
    });
    return {
      how,
      corpus: corpus.name,
      percent: (100 * stored) / bytes,
      writeMBs: bytes / 1e6 / written,
      readMBs: bytes / 1e6 / read,
    };
  } finally {
    await ground.end();
  }
}

/** Bytes in use, metadata included. */
async function used({ directory }: Ground): Promise<number> {
  const { stdout } = await run('df', ['--output=used', '-B1', directory], { limit: 10 });
  return Number(stdout.trim().split('\n').at(-1));
}

const buffer = Buffer.alloc(2 ** 20);

function write(path: string, contents: Buffer): void {
  const fd = openSync(path, 'w');
  for (let at = 0; at < contents.length; at += buffer.length) writeSync(fd, contents.subarray(at, at + buffer.length));
  closeSync(fd);
}

function readAll(path: string): void {
  const fd = openSync(path, 'r');
  while (readSync(fd, buffer) > 0);
  closeSync(fd);
}

const all: Figures[] = [];
await withWorkspace(async (workspace) => {
  const volume = workspace.volume('varve');
  const list = await corpora(Number(values.mebibytes) * 2 ** 20, workspace.path);
  process.stdout.write(
    `${'corpus'.padEnd(12)}${'transform'.padEnd(16)}${'stored'.padStart(8)}   written   read cold\n`,
  );
  for (const corpus of list) {
    for (const how of values.only.split(',')) {
      const ground = groundOf(workspace, volume, how);
      const figures = await measure(ground, how, corpus);
      all.push(figures);
      const { percent, writeMBs, readMBs } = figures;
      process.stdout.write(
        `${corpus.name.padEnd(12)}${how.padEnd(16)}${percent.toFixed(1).padStart(6)} %` +
          `${writeMBs.toFixed(0).padStart(8)}${readMBs.toFixed(0).padStart(8)} MB/s\n`,
      );
    }
  }
});
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(all, null, 2)}\n`);
