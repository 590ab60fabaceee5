/** `varve scrub` on a real mount, in the foreground and the background. */
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { mountAt } from '../../fs/fuse/mount-table.js';
import type { ScrubStatus } from '../../fs/scrub/report.js';
import { requireFuse } from '../support/mounts.js';
import { varve } from '../support/programs.js';

let folder: string;
let image: string;
let directory: string;

beforeEach(async () => {
  requireFuse();
  folder = mkdtempSync(join(tmpdir(), 'varve-scrub-'));
  image = join(folder, 'volume.img');
  directory = join(folder, 'mount');
  mkdirSync(directory);
  expect((await varve('mkfs.varve', '--size', '64M', image)).code).toBe(0);
  expect((await varve('mount.varve', image, directory)).code).toBe(0);
  mkdirSync(join(directory, 'docs'));
  for (let i = 0; i < 8; i++)
    await fs.writeFile(join(directory, 'docs', `file ${i}`), Buffer.alloc(1 << 20, `text ${i} `));
  expect((await varve('varve', 'sync', directory)).code).toBe(0);
});

afterEach(async () => {
  if (mountAt(directory) !== undefined) await varve('varve', 'umount', '--force', directory);
  rmSync(folder, { recursive: true, force: true });
});

/** Spoil a byte in the middle of a file, where its bytes lie in the image. */
function spoil(text: string): void {
  const at = readFileSync(image).indexOf(text.repeat(20));
  expect(at).toBeGreaterThan(0);
  const fd = openSync(image, 'r+');
  writeSync(fd, 'X', at + 3);
  closeSync(fd);
}

const statusOf = async (): Promise<ScrubStatus> =>
  JSON.parse((await varve('varve', 'scrub', '--status', '--json', directory)).out) as ScrubStatus;

it('a good volume: waits, says so, exits with 0', async () => {
  const none = await varve('varve', 'scrub', '--status', directory);
  expect([none.code, none.out]).toEqual([0, `${directory}: no scrub since it was mounted\n`]);
  const { code, out, err } = await varve('varve', 'scrub', directory);
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/scrub finished; verified 2,048 data pages, .* in \d+\.\d s\n.*: no errors\n$/);
  expect(await statusOf()).toMatchObject({ state: 'finished', errors: 0 });
});

it('a damaged page: says where and whose, exits with 4, and the volume stays as it is', async () => {
  spoil('text 3 ');
  const { code, out } = await varve('varve', 'scrub', '--rate', '200M', directory);
  expect(out).toMatch(/^page \d+ of \/docs\/file 3 \(inode \d+\), address \d+, byte \d+ of the image: CRC32C/m);
  expect(out).toMatch(/: 1 error\n$/);
  expect(code).toBe(4);
  const status = await varve('varve', 'scrub', '--status', '--json', directory);
  expect(status.code).toBe(4);
  expect(JSON.parse(status.out)).toMatchObject({ errors: 1, findings: [{ what: 'data', path: '/docs/file 3' }] });
  await fs.writeFile(join(directory, 'new'), 'text');
  await fs.rm(join(directory, 'docs', 'file 3'));
  expect((await varve('varve', 'scrub', directory)).code).toBe(0);
});

it('in the background: one at a time, watched, cancelled, and no obstacle to unmounting', async () => {
  expect((await varve('varve', 'scrub', folder)).code).toBe(2);
  expect((await varve('varve', 'scrub', '--rate', '0', directory)).code).toBe(2);
  expect((await varve('varve', 'scrub', '--status', '--cancel', directory)).code).toBe(2);
  expect((await varve('varve', 'scrub', '--background', '--rate', '1M', directory)).out).toContain('scrub running');
  const second = await varve('varve', 'scrub', directory);
  expect([second.code, second.err]).toEqual([14, expect.stringContaining('running already')]);
  while ((await statusOf()).bytesRead === 0) await sleep(20);
  expect(await fs.readFile(join(directory, 'docs', 'file 1'), 'latin1')).toContain('text 1');
  const cancelled = await varve('varve', 'scrub', '--cancel', directory);
  expect([cancelled.code, cancelled.out]).toEqual([0, expect.stringContaining('scrub cancelled')]);
  expect((await varve('varve', 'scrub', '--background', '--rate', '1M', directory)).code).toBe(0);
  expect(await varve('varve', 'umount', directory)).toEqual({ code: 0, out: '', err: '' });
  expect((await varve('fsck.varve', '-n', '--data', image)).code).toBe(0);
});
