/**
 * What can be mounted, how often, and by which name: block devices, images that can only be read, labels and UUIDs, and
 * an image that a server in another container has.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MountedVolume } from '../support/programs.js';

let volume: MountedVolume;
let second: string;

beforeEach(async () => {
  volume = await MountedVolume.make('64M', '-L', 'work');
  second = join(volume.folder, 'second');
  await fs.mkdir(second);
});
afterEach(() => volume.dispose());

const mount = (source: string, target: string, options: string): Promise<string> =>
  volume.expect('mount.varve', source, target, '-o', options);
const umount = (target: string): Promise<string> => volume.expect('varve', 'umount', target);

it('a read-only image: only read-only, as often as one likes, and not remounted to write', async () => {
  await volume.mount();
  await fs.writeFile(volume.path('file'), 'text');
  await volume.unmount();
  const host = join(volume.folder, 'host');
  const image = join(host, 'volume.img');
  await fs.mkdir(host);
  execFileSync('mount', ['--bind', volume.folder, host]);
  try {
    execFileSync('mount', ['-o', 'remount,bind,ro', host]);
    await expect(mount(image, second, 'rw')).rejects.toThrow(/exit 1: .*can only be read/);
    await mount(image, volume.directory, 'ro');
    await mount(image, second, 'ro,driver=native');
    for (const target of [volume.directory, second]) {
      expect(await fs.readFile(join(target, 'file'), 'utf8')).toBe('text');
      await expect(fs.writeFile(join(target, 'new'), '')).rejects.toMatchObject({ code: 'EROFS' });
      await expect(mount(image, target, 'remount,rw')).rejects.toThrow(/opened read-only/);
    }
    await expect(mount(image, host, 'rw')).rejects.toThrow(/is mounted on/);
    for (const target of [volume.directory, second]) await umount(target);
  } finally {
    execFileSync('umount', ['-l', host]);
  }
});

it('a block device', async (context) => {
  const found = spawnSync('losetup', ['-f', '--show', volume.image], { encoding: 'utf8' });
  context.skip(found.status !== 0, `no loop device can be had: ${found.stderr}`);
  const device = found.stdout.trim();
  try {
    await mount(device, volume.directory, 'rw');
    await fs.writeFile(volume.path('file'), 'text');
    await expect(volume.expect('mkfs.varve', '-f', device)).rejects.toThrow(/in use|mounted/);
    await umount(volume.directory);
    await volume.expect('fsck.varve', '-f', device);
    await mount(device, volume.directory, 'ro,driver=native');
    expect(await fs.readFile(volume.path('file'), 'utf8')).toBe('text');
    await umount(volume.directory);
  } finally {
    execFileSync('losetup', ['-d', device]);
  }
});

it('a label or UUID, in directories that are named', async () => {
  const { uuid } = JSON.parse(await volume.expect('varve', 'info', '--json', volume.image)) as { uuid: string };
  const search = `search=${second}:${volume.folder}`;
  for (const source of ['LABEL=work', `UUID=${uuid.toUpperCase()}`]) {
    await mount(source, volume.directory, search);
    expect(execFileSync('findmnt', ['-n', '-o', 'SOURCE', volume.directory]).toString().trim()).toBe(volume.image);
    await umount(volume.directory);
  }
  await expect(mount('LABEL=other', volume.directory, search)).rejects.toThrow(/exit 32: .*no volume in .*LABEL=other/);
  await expect(mount('LABEL=work', volume.directory, 'rw')).rejects.toThrow(/exit 1: .*needs -o search/);
  await expect(mount('UUID=5', volume.directory, search)).rejects.toThrow(/exit 1: .*not a UUID/);
  await fs.copyFile(volume.image, join(second, 'copy.img'));
  await expect(mount('LABEL=work', volume.directory, search)).rejects.toThrow(/copy\.img and .*volume\.img/);
});

it('not what a server in another container serves', async () => {
  await volume.mount();
  const program = fileURLToPath(new URL('../../bin/mount.varve', import.meta.url));
  const container = spawnSync(
    'unshare',
    ['--mount', '--pid', '--fork', '--mount-proc', '--ipc', '--uts', '--net', 'sh', '-c'].concat(
      `umount -l '${volume.directory}' && '${program}' '${volume.image}' '${second}'`,
    ),
    { encoding: 'utf8' },
  );
  expect([container.status, container.stderr]).toEqual([32, `mount.varve: ${volume.image} is in use\n`]);
  await volume.unmount();
});
