/** Compression on real mounts: less is stored, the same is read, with what mkfs and mount were told. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { MountedVolume } from '../support/programs.js';

let volume: MountedVolume | undefined;
afterEach(() => volume?.dispose());

const lines = Buffer.from(Array.from({ length: 300_000 }, (_, i) => `${i}: all work and no play\n`).join(''));

async function check(made: MountedVolume): Promise<void> {
  await made.unmount();
  await made.expect('fsck.varve', '-f', '--data', made.image);
}

it.each(['lz4', 'deflate:1'])('keeps files smaller with mkfs --compress %s', async (how) => {
  volume = await MountedVolume.make('256M', '--compress', how);
  await volume.mount();
  await fs.writeFile(volume.path('log'), lines);
  const noise = execFileSync('head', ['-c', '3000000', '/dev/urandom'], { maxBuffer: 4e6 });
  await fs.writeFile(volume.path('noise'), noise);
  const change = await fs.open(volume.path('log'), 'r+');
  await change.write('CHANGED', 1_000_000);
  await change.sync();
  await change.close();
  lines.write('CHANGED', 1_000_000);
  await volume.expect('varve', 'sync', volume.directory);
  await volume.kill();
  await volume.mount();
  expect((await fs.readFile(volume.path('log'))).equals(lines)).toBe(true);
  expect((await fs.readFile(volume.path('noise'))).equals(noise)).toBe(true);
  expect((await fs.stat(volume.path('log'))).blocks * 512).toBeLessThan(lines.length / 2);
  expect((await fs.stat(volume.path('noise'))).blocks * 512).toBeGreaterThanOrEqual(noise.length);
  expect(await volume.expect('varve', 'scrub', volume.directory)).toMatch(/no errors/);
  expect(await volume.expect('varve', 'compression', volume.path('log'))).toMatch(
    new RegExp(`^${how}: .* MiB in `, 'm'),
  );
  const mounted = await volume.expect('varve', 'compression', '--json', volume.directory);
  await check(volume);
  expect(await volume.expect('varve', 'compression', '--json', volume.image)).toBe(mounted);
  const uses = JSON.parse(mounted) as { chain: string; plainBytes: number; storedBytes: number }[];
  expect(uses.map(({ chain }) => chain)).toEqual(['none', how]);
  expect(uses[1].storedBytes).toBeLessThan(uses[1].plainBytes / 2);
  expect(uses[0].plainBytes + uses[1].plainBytes).toBe(
    4096 * (Math.ceil(lines.length / 4096) + Math.ceil(noise.length / 4096)),
  );
  expect(await volume.expect('varve', 'info', volume.image)).toMatch(new RegExp(`^compression: +${how} `, 'm'));
});

it('compresses as the mount says, and reads what others wrote', async () => {
  volume = await MountedVolume.make();
  await volume.mount('compress=lz4');
  await fs.writeFile(volume.path('a'), lines);
  await volume.unmount();
  await volume.mount('compress=none');
  await fs.writeFile(volume.path('b'), lines);
  await volume.expect('varve', 'sync', volume.directory);
  expect((await fs.stat(volume.path('a'))).blocks).toBeLessThan((await fs.stat(volume.path('b'))).blocks / 2);
  expect((await fs.readFile(volume.path('a'))).equals(lines)).toBe(true);
  await check(volume);
});

it('follows properties and chattr, which new files inherit', async () => {
  volume = await MountedVolume.make();
  await volume.mount();
  for (const name of ['small', 'plain', 'flagged']) await fs.mkdir(volume.path(name));
  const property = (...args: string[]): Promise<string> =>
    (volume as MountedVolume).expect('varve', 'property', ...args);
  await property('set', 'compression', 'deflate:1', volume.path('small'));
  await property('set', 'compression', 'none', volume.path('plain'));
  execFileSync('chattr', ['+c', volume.path('flagged')]);
  const blocks: Record<string, number> = {};
  for (const name of ['small', 'plain', 'flagged']) {
    await fs.mkdir(volume.path(`${name}/below`));
    await fs.writeFile(volume.path(`${name}/below/log`), lines);
  }
  await volume.expect('varve', 'sync', volume.directory);
  for (const name of ['small', 'plain', 'flagged'])
    blocks[name] = (await fs.stat(volume.path(`${name}/below/log`))).blocks * 512;
  expect(blocks.plain).toBeGreaterThanOrEqual(lines.length);
  expect(blocks.flagged).toBeLessThan(lines.length / 2);
  expect(blocks.small).toBeLessThan(blocks.flagged);
  expect(await property('get', 'compression', volume.path('small/below/log'))).toMatch(/compression=deflate:1$/m);
  await property('set', 'compression', 'default', volume.path('small'));
  expect(await property('list', volume.path('small'), volume.path('plain'))).toMatch(/default\n.*=none$/m);
  await expect(property('set', 'compression', 'lz5', volume.path('plain'))).rejects.toThrow(/exit 2:.*not possible/);
  await volume.unmount();
  await volume.mount();
  expect((await fs.readFile(volume.path('small/below/log'))).equals(lines)).toBe(true);
  await check(volume);
});

it('compresses what is there already, and back', async () => {
  volume = await MountedVolume.make();
  await volume.mount();
  await fs.mkdir(volume.path('d'));
  await fs.writeFile(volume.path('d/log'), lines);
  await fs.writeFile(volume.path('d/small'), 'inline');
  await volume.expect('varve', 'sync', volume.directory);
  const stored = async (): Promise<number> => (await fs.stat((volume as MountedVolume).path('d/log'))).blocks * 512;
  const plain = await stored();
  for (const [how, most] of [
    ['deflate:1', plain / 3],
    ['none', plain],
    ['lz4', plain / 2],
  ] as const) {
    await volume.expect('varve', 'defrag', '--compress', how, volume.path('d'));
    // The kernel remembers how many blocks there were.
    await volume.unmount();
    await volume.mount();
    expect(await stored()).toBeLessThanOrEqual(most);
    if (how === 'none') expect(await stored()).toBe(plain);
    expect((await fs.readFile(volume.path('d/log'))).equals(lines)).toBe(true);
  }
  await check(volume);
});

it('needs a module to be named, each time', async () => {
  const module = fileURLToPath(new URL('../../examples/zero-runs.mjs', import.meta.url));
  volume = await MountedVolume.make('256M', '--transform', module, '--compress', 'zero-runs');
  await volume.mount(`transform=${module}`);
  const sparse = Buffer.alloc(500_000).fill('x', 200_000, 200_100);
  await fs.writeFile(volume.path('table'), sparse);
  await fs.writeFile(volume.path('small'), 'kept inline');
  await volume.unmount();
  await expect(volume.mount()).rejects.toThrow(/needs zero-runs/);
  await volume.mount('ro,degraded');
  expect(await fs.readFile(volume.path('small'), 'utf8')).toBe('kept inline');
  await expect(fs.readFile(volume.path('table'))).rejects.toMatchObject({ code: 'EIO' });
  await volume.unmount();
  await volume.mount(`transform=${module}`);
  expect((await fs.readFile(volume.path('table'))).equals(sparse)).toBe(true);
  expect((await fs.stat(volume.path('table'))).blocks * 512).toBeLessThan(50_000);
  await check(volume);
});

it('says what it does not know', async () => {
  volume = await MountedVolume.make();
  await expect(volume.mount('compress=lz5')).rejects.toThrow(/no transform 'lz5'.*lz4, deflate|lz5/);
});
