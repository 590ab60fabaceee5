/** `varve resize` and `varve trim` on real mounts and images. */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MountedVolume } from '../support/programs.js';

const mebibyte = 2 ** 20;
const hash = (path: string): string => createHash('sha1').update(readFileSync(path)).digest('hex');

let volume: MountedVolume;
beforeEach(async () => {
  volume = await MountedVolume.make('64M');
});
afterEach(() => volume.dispose());

const size = (): number => {
  const { blocks, bsize } = statfsSync(volume.directory);
  return blocks * bsize;
};

test('a mounted volume grows, is filled, grows once more as an image, and is whole', async () => {
  await volume.mount('norehearsal');
  writeFileSync(volume.path('before'), Buffer.alloc(20 * mebibyte, 'before'));
  const small = size();
  expect(await volume.expect('varve', 'resize', volume.directory, '256M')).toMatch(/64 MiB -> 256 MiB\n$/);
  expect(size()).toBeGreaterThan(small + 150 * mebibyte);
  writeFileSync(volume.path('after'), Buffer.alloc(150 * mebibyte, 'after'));
  const hashes = [hash(volume.path('before')), hash(volume.path('after'))];
  await volume.unmount();
  expect(statSync(volume.image).size).toBe(256 * mebibyte);
  await volume.expect('fsck.varve', '-f', '--data', volume.image);
  const more = JSON.parse(await volume.expect('varve', 'resize', volume.image, '+64M', '--json'));
  expect(more).toEqual({ before: 256 * mebibyte, after: 320 * mebibyte });
  await volume.expect('fsck.varve', '-f', volume.image);
  await volume.mount('norehearsal');
  expect([hash(volume.path('before')), hash(volume.path('after'))]).toEqual(hashes);
});

test('what was acknowledged after it grew is there after kill -9', async () => {
  await volume.mount('norehearsal');
  await volume.expect('varve', 'resize', volume.directory, '128M');
  writeFileSync(volume.path('file'), Buffer.alloc(80 * mebibyte, 'x'));
  await volume.expect('varve', 'sync', volume.directory);
  await volume.kill();
  await volume.mount('norehearsal');
  expect(statSync(volume.path('file')).size).toBe(80 * mebibyte);
  await volume.unmount();
  await volume.expect('fsck.varve', '-f', '--data', volume.image);
});

test('a mounted volume shrinks under load, and its image with it', async () => {
  await volume.mount('norehearsal');
  await volume.expect('varve', 'resize', volume.directory, '512M');
  for (let i = 0; i < 100; i++) writeFileSync(volume.path(`file ${i}`), Buffer.alloc(3 * mebibyte, i));
  for (let i = 0; i < 100; i++) if (i % 8 !== 0) rmSync(volume.path(`file ${i}`));
  await volume.expect('varve', 'sync', volume.directory);
  let done = false;
  const load = (async () => {
    for (let i = 0; !done; i++) await writeFile(volume.path(`load ${i % 5}`), Buffer.alloc(mebibyte, i));
  })();
  expect(await volume.expect('varve', 'resize', volume.directory, '128M')).toMatch(/512 MiB -> 128 MiB\n$/);
  done = true;
  await load;
  expect(statSync(volume.image).size).toBe(128 * mebibyte);
  await expect(volume.expect('varve', 'resize', volume.directory, '40M')).rejects.toThrow('the volume needs');
  for (let i = 0; i < 100; i += 8)
    expect(readFileSync(volume.path(`file ${i}`)).equals(Buffer.alloc(3 * mebibyte, i))).toBe(true);
  await volume.expect('varve', 'sync', volume.directory);
  await volume.kill();
  await volume.mount('norehearsal');
  expect(statSync(volume.path('file 96')).size).toBe(3 * mebibyte);
  await volume.unmount();
  await volume.expect('fsck.varve', '-f', '--data', volume.image);
});

test('what can not be says why', async () => {
  for (const [wanted, why] of [
    ['64M', 'already'],
    ['1M', 'too few'],
    ['much', 'is not a size'],
  ])
    await expect(volume.expect('varve', 'resize', volume.image, wanted)).rejects.toThrow(why);
  truncateSync(volume.image, 65 * mebibyte);
  await volume.expect('fsck.varve', '-f', volume.image);
});

test('trimming gives free space back to the host', async () => {
  await volume.mount('norehearsal,nodiscard');
  writeFileSync(volume.path('large'), Buffer.alloc(40 * mebibyte, 1));
  await volume.expect('varve', 'sync', volume.directory);
  rmSync(volume.path('large'));
  await volume.expect('varve', 'sync', volume.directory);
  expect(statSync(volume.image).blocks * 512).toBeGreaterThan(38 * mebibyte);
  const told = JSON.parse(await volume.expect('varve', 'trim', volume.directory, '--json'));
  expect(told.before - told.after).toBeGreaterThan(30 * mebibyte);
  expect(statSync(volume.image).blocks * 512).toBeLessThan(16 * mebibyte);
  await volume.unmount();
  expect(await volume.expect('varve', 'trim', volume.image)).toMatch(/trimmed; the image takes/);
  await volume.expect('fsck.varve', '-f', '--data', volume.image);
});
