/** An image whose host runs out of space under it: a failed write of the store, on a real mount. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MountedVolume } from '../support/programs.js';

let volume: MountedVolume;
let host: string;

beforeEach(async () => {
  volume = await MountedVolume.make();
  host = join(volume.folder, 'host');
  await fs.mkdir(host);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24M', 'tmpfs', host]);
});

afterEach(async () => {
  // The server lets go of the image first.
  await volume.expect('varve', 'umount', '--force', volume.directory).catch(() => undefined);
  execFileSync('umount', ['-l', host]);
  await volume.dispose();
});

it('takes no more changes, goes on reading, and says why', async () => {
  const image = join(host, 'volume.img');
  await volume.expect('mkfs.varve', '--size', '64M', image);
  await volume.expect('mount.varve', image, volume.directory, '-o', `logfile=${join(volume.folder, 'log')}`);
  await fs.writeFile(volume.path('before'), 'contents');
  await volume.expect('varve', 'sync', volume.directory);
  expect((await volume.facts()).failure).toBeNull();

  const file = await fs.open(volume.path('large'), 'w');
  const writing = async (): Promise<void> => {
    for (let i = 0; i < 40; i++) await file.write(Buffer.alloc(1 << 20, i));
    await file.sync();
  };
  await expect(writing()).rejects.toThrow(/EIO|ENOSPC/);
  await expect(file.sync()).rejects.toThrow(/EIO/);
  await file.close().catch(() => undefined);
  await expect(fs.mkdir(volume.path('later'))).rejects.toThrow(/EIO/);
  expect(await fs.readFile(volume.path('before'), 'utf8')).toBe('contents');
  expect((await volume.facts()).failure).toMatch(/ENOSPC|EIO/);
  expect(await volume.expect('varve', 'info', volume.directory)).toMatch(/^state: +read-only: .*(ENOSPC|EIO)/m);
  expect(await fs.readFile(join(volume.folder, 'log'), 'utf8')).toContain('the volume is read-only from here on');

  // With space again, the next mount has what was durable.
  await volume.kill();
  execFileSync('mount', ['-o', 'remount,size=100M', host]);
  await volume.expect('mount.varve', image, volume.directory);
  expect(await fs.readFile(volume.path('before'), 'utf8')).toBe('contents');
});
