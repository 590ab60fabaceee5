/** `varve defrag` and `-o autodefrag` on real mounts. */
import { spawn } from 'node:child_process';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FragmentationReport } from '../../fs/report/fragmentation-report.js';
import { MountedVolume } from '../support/programs.js';

const bin = fileURLToPath(new URL('../../bin/', import.meta.url));
const page = 4096;

let volume: MountedVolume;
beforeEach(async () => {
  volume = await MountedVolume.make('128M');
});
afterEach(() => volume.dispose());

const frag = async (...args: string[]): Promise<FragmentationReport> =>
  JSON.parse(await volume.expect('varve', 'frag', volume.directory, '--json', ...args));

/** Every second page was written again. Returns its contents. */
function wornFile(name: string, pages: number): Buffer {
  const bytes = Buffer.alloc(pages * page - 10, name);
  const file = openSync(volume.path(name), 'w');
  writeSync(file, bytes, 0, bytes.length, 0);
  fsyncSync(file);
  for (let at = 0; at < pages - 1; at += 2) {
    bytes.fill(at + 1, at * page, (at + 1) * page);
    writeSync(file, bytes, at * page, page, at * page);
    if (at % 40 === 0) fsyncSync(file);
  }
  fsyncSync(file);
  closeSync(file);
  return bytes;
}

test('a tree is laid anew: contents and times stay, a second run finds nothing', async () => {
  await volume.mount('norehearsal');
  mkdirSync(volume.path('docs'));
  const bytes = wornFile('docs/worn', 300);
  writeFileSync(volume.path('docs/whole'), Buffer.alloc(100 * page, 1));
  const before = statSync(volume.path('docs/worn'), { bigint: true });
  expect((await frag()).cost.jumps).toBeGreaterThan(50);
  const dry = JSON.parse(await volume.expect('varve', 'defrag', volume.directory, '--dry-run', '--json'));
  expect(dry).toMatchObject({ files: 2, changed: 1, bytes: 300 * page, interrupted: false });
  const told = await volume.expect('varve', 'defrag', '-v', '--rate', '100M', volume.directory);
  expect(told).toMatch(
    /^.*docs\/worn: 1\.2 MiB\n2 files looked at, 1 file laid anew: 1\.2 MiB that lay in \d+ pieces\n$/,
  );
  expect((await frag()).cost.jumps).toBe(0);
  expect(JSON.parse(await volume.expect('varve', 'defrag', volume.path('docs/worn'), '--json'))).toMatchObject({
    files: 1,
    bytes: 0,
  });
  const after = statSync(volume.path('docs/worn'), { bigint: true });
  expect([after.mtimeNs, after.ctimeNs, after.blocks]).toEqual([before.mtimeNs, before.ctimeNs, before.blocks]);
  await volume.unmount();
  await volume.expect('fsck.varve', '-f', '--data', volume.image);
  await volume.mount('norehearsal');
  expect(bytes.equals(readFileSync(volume.path('docs/worn')))).toBe(true);
});

test('files of a directory that lie apart are laid one behind the other, in the order of names', async () => {
  await volume.mount('norehearsal,snapdir=visible');
  const contents = (name: string, length = 60_000): Buffer => Buffer.alloc(length, name);
  for (let i = 0; i < 6; i++) {
    const name = `f${(i * 5) % 6}`;
    writeFileSync(volume.path(name), contents(name));
    writeFileSync(volume.path(`between${i}`), Buffer.alloc(5 << 20, i));
    await volume.expect('varve', 'sync', volume.directory);
  }
  const defrag = async (): Promise<object> =>
    JSON.parse(await volume.expect('varve', 'defrag', volume.directory, '--json'));
  expect(await defrag()).toMatchObject({ files: 12, changed: 6, bytes: 6 * 15 * page });
  for (let i = 0; i < 6; i++) {
    const name = `f${i}`;
    expect(contents(name).equals(readFileSync(volume.path(name)))).toBe(true);
  }
  // What a listing shows of snapshots is not gone through.
  mkdirSync(volume.path('.snapshots/kept'));
  expect(await defrag()).toMatchObject({ files: 12, changed: 0 });
});

test('a signal ends it between two steps, and what it did counts', async () => {
  await volume.mount('norehearsal');
  wornFile('one', 2500);
  const child = spawn(join(bin, 'varve'), ['defrag', '--rate', '1K', '--json', volume.directory]);
  let text = '';
  child.stdout.on('data', (part: Buffer) => {
    text += String(part);
  });
  // The rate leaves it waiting after its first step.
  const pages = async (): Promise<number> => (await volume.facts()).volume.filePages;
  for (const last = await pages(); (await pages()) < last + 2000; );
  child.kill('SIGINT');
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code).toBe(130);
  const outcome = JSON.parse(text);
  expect(outcome).toMatchObject({ interrupted: true, changed: 1 });
  expect(outcome.bytes).toBeGreaterThanOrEqual(2000 * page);
});

test('autodefrag: a cold read lays the file anew, and varve info tells of it', async () => {
  await volume.mount('norehearsal');
  const bytes = wornFile('worn', 600);
  await volume.unmount();
  await volume.mount('norehearsal,autodefrag');
  const before = await frag();
  expect(bytes.equals(readFileSync(volume.path('worn')))).toBe(true);
  await vi.waitFor(
    async () =>
      expect(await volume.expect('varve', 'info', volume.directory)).toMatch(
        /autodefrag: +2\.\d MiB laid anew in \d+ chunks/,
      ),
    20_000,
  );
  const after = await frag();
  expect(after.cost.jumps).toBeLessThan(before.cost.jumps / 4);
  await volume.unmount();
  await volume.expect('fsck.varve', '-f', '--data', volume.image);
});

test('what is no Varve volume', async () => {
  await expect(volume.expect('varve', 'defrag', volume.folder)).rejects.toThrow('does not lie on a Varve volume');
  await expect(volume.expect('varve', 'defrag', join(volume.folder, 'none'))).rejects.toThrow('does not exist');
});
