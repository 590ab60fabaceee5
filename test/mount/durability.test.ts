/**
 * What an acknowledged system call is worth on a real mount: in each journalling mode, with O_SYNC and O_DSYNC, with
 * `-o sync` and `-o dirsync`. The server is killed; `store=volatile` loses what no barrier followed, as a power cut.
 */
import * as fs from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { journalModes } from '../../fs/volume/journal-mode.js';
import { ToyMount } from '../support/mounts.js';
import { MountedVolume } from '../support/programs.js';

const { O_SYNC, O_DSYNC, O_WRONLY, O_CREAT, O_DIRECT } = fs.constants;
const lossy = 'store=volatile,commit=300';

let volume: MountedVolume;
beforeEach(async () => {
  volume = await MountedVolume.make();
});
afterEach(() => volume.dispose());

const names = async (): Promise<string[]> => (await fs.readdir(volume.directory)).sort();

async function writeWith(name: string, flags: number, contents: string): Promise<fs.FileHandle> {
  const file = await fs.open(volume.path(name), O_WRONLY | O_CREAT | flags, 0o644);
  await file.write(contents);
  return file;
}

it.each(journalModes)(
  'journal=%s keeps what fsync, fsync of a directory and varve sync acknowledged',
  async (journal) => {
    await volume.mount(`journal=${journal},${lossy}`);
    expect((await volume.facts()).journal).toBe(journal);
    expect(await volume.expect('varve', 'info', volume.directory)).toMatch(new RegExp(`^journal: +${journal}$`, 'm'));
    const file = await writeWith('file', 0, 'contents');
    await file.sync();
    await volume.kill();
    await file.close().catch(() => undefined);
    await volume.mount(`journal=${journal},${lossy}`);
    expect(await fs.readFile(volume.path('file'), 'utf8')).toBe('contents');
    for (const i of [1, 2, 3]) await fs.writeFile(volume.path(`file${i}`), `contents ${i}`);
    const directory = await fs.open(volume.directory);
    await directory.sync();
    await directory.close();
    await volume.kill();
    await volume.mount(`journal=${journal},${lossy}`);
    for (const i of [1, 2, 3]) expect(await fs.readFile(volume.path(`file${i}`), 'utf8')).toBe(`contents ${i}`);
    await fs.writeFile(volume.path('more'), 'more');
    await volume.expect('varve', 'sync', volume.directory);
    await volume.kill();
    await volume.mount();
    expect(await fs.readFile(volume.path('more'), 'utf8')).toBe('more');
  },
);

it.each(['kernel', 'native'])(
  'journal=data keeps what was acknowledged when the server is killed, %s',
  async (name) => {
    await volume.mount(`journal=data,commit=300,driver=${name}`);
    for (let i = 0; i < 40; i++) {
      await fs.mkdir(volume.path(`d${i}`));
      await fs.writeFile(volume.path(`d${i}/file`), `contents ${i}\n`.repeat(1 + i * 200));
      await fs.appendFile(volume.path('log'), `line ${i}\n`);
      if (i % 3 === 0) await fs.rename(volume.path(`d${i}/file`), volume.path(`file${i}`));
      if (i % 5 === 0) await fs.truncate(volume.path('log'), i);
    }
    const log = await fs.readFile(volume.path('log'), 'utf8');
    const before = (await volume.facts()).volume;
    await volume.kill();
    await volume.mount('journal=data');
    expect(before.records).toBeGreaterThan(100);
    expect(await fs.readFile(volume.path('log'), 'utf8')).toBe(log);
    for (let i = 0; i < 40; i++) {
      const name = i % 3 === 0 ? `file${i}` : `d${i}/file`;
      expect(await fs.readFile(volume.path(name), 'utf8')).toBe(`contents ${i}\n`.repeat(1 + i * 200));
    }
    await volume.unmount();
    await volume.expect('fsck.varve', '-f', '--data', volume.image);
  },
);

it('journal=none keeps nothing after the last checkpoint', async () => {
  await volume.mount(`journal=none,${lossy}`);
  await fs.writeFile(volume.path('before'), 'text');
  await volume.expect('varve', 'sync', volume.directory);
  await fs.writeFile(volume.path('after'), 'text');
  expect((await volume.facts()).volume.records).toBe(0);
  await volume.kill();
  await volume.mount();
  expect(await names()).toEqual(['before']);
});

it.each([
  ['through the cache of the kernel', 'rw', 0],
  ['with writethrough', 'writethrough', 0],
  ['directly', 'rw', O_DIRECT],
  ['by libfuse', 'driver=native', 0],
] as const)('O_SYNC and O_DSYNC, %s: a write is durable when it returns', async (_, options, extra) => {
  await volume.mount(`${options},${lossy}`);
  const contents = 'x'.repeat(4096);
  const files = [
    await writeWith('sync', O_SYNC | extra, contents),
    await writeWith('dsync', O_DSYNC | extra, contents),
  ];
  await volume.kill();
  for (const file of files) await file.close().catch(() => undefined);
  await volume.mount();
  for (const name of ['sync', 'dsync']) expect(await fs.readFile(volume.path(name), 'utf8')).toBe(contents);
});

it('O_SYNC and O_DSYNC near the limit of space, where the kernel asks for no fsync', async () => {
  const mount = await ToyMount.mount({ nearLimit: true });
  const asked: Record<string, number>[] = [];
  for (const flag of [0, O_DSYNC, O_SYNC]) {
    const file = await fs.open(mount.path('file'), O_WRONLY | O_CREAT | flag, 0o644);
    await file.write('contents');
    await file.close();
    const { fdatasync = 0, fsync = 0 } = await mount.calls();
    asked.push({ fdatasync, fsync });
  }
  expect(asked).toEqual([
    { fdatasync: 0, fsync: 0 },
    { fdatasync: 1, fsync: 0 },
    { fdatasync: 1, fsync: 1 },
  ]);
  await mount.dispose();
});

it('-o sync: every operation is durable when it returns', async () => {
  await volume.mount(`sync,${lossy}`);
  await fs.mkdir(volume.path('d'));
  await fs.writeFile(volume.path('d/file'), 'contents');
  await fs.chmod(volume.path('d/file'), 0o600);
  await fs.symlink('d/file', volume.path('link'));
  await fs.rename(volume.path('d/file'), volume.path('d/moved'));
  await volume.kill();
  await volume.mount();
  expect(await names()).toEqual(['d', 'link']);
  expect(await fs.readFile(volume.path('d/moved'), 'utf8')).toBe('contents');
  expect((await fs.stat(volume.path('d/moved'))).mode & 0o777).toBe(0o600);
});

it('-o dirsync: changes of names are durable when they return', async () => {
  await volume.mount(`dirsync,${lossy}`);
  await fs.mkdir(volume.path('d'));
  await fs.writeFile(volume.path('d/file'), '');
  await fs.link(volume.path('d/file'), volume.path('d/other'));
  await fs.unlink(volume.path('d/file'));
  await volume.kill();
  await volume.mount();
  expect(await fs.readdir(volume.path('d'))).toEqual(['other']);
});

it('what was written is committed soon after writing pauses', async () => {
  await volume.mount('store=volatile,commit=300');
  await fs.writeFile(volume.path('file'), 'contents');
  // The kernel hands its pages over on close; then the pause of the server counts.
  const { checkpoints } = (await volume.facts()).volume;
  while ((await volume.facts()).volume.checkpoints === checkpoints) await sleep(50);
  await volume.kill();
  await volume.mount();
  expect(await fs.readFile(volume.path('file'), 'utf8')).toBe('contents');
});

it('a remount can ask for sync, and leaves the journalling mode', async () => {
  await volume.mount(`journal=writeback,writethrough,${lossy}`);
  const refused = volume.expect('mount.varve', volume.image, volume.directory, '-o', 'remount,journal=data');
  await expect(refused).rejects.toThrow(/exit 1: .*journal=writeback stays/);
  await volume.mount('remount,sync,journal=writeback');
  await fs.writeFile(volume.path('file'), 'contents');
  await fs.chmod(volume.path('file'), 0o600);
  await volume.kill();
  await volume.mount();
  expect((await fs.stat(volume.path('file'))).mode & 0o777).toBe(0o600);
  expect(await fs.readFile(volume.path('file'), 'utf8')).toBe('contents');
});
