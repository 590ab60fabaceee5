/** An encrypted volume on a real mount: with its key it works like others, and without it nothing is told. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { MountedVolume } from '../support/programs.js';

const bin = fileURLToPath(new URL('../../bin/', import.meta.url));

let volume: MountedVolume | undefined;
afterEach(() => volume?.dispose());

it('mounts with its key, keeps what was written over a kill, and shows nothing in the image', async () => {
  const folder = await fs.mkdtemp('/tmp/varve-key-');
  const [key, other] = ['key', 'other'].map((name) => join(folder, name));
  writeFileSync(key, randomBytes(64));
  writeFileSync(other, randomBytes(64));
  volume = await MountedVolume.make('64M', '--encrypt', '--key-file', key, '--compress', 'lz4');
  await volume.mount(`keyfile=${key}`);
  const noise = randomBytes(3_000_000);
  await fs.writeFile(volume.path('plainly-readable'), 'plainly-readable\n'.repeat(20_000));
  await fs.writeFile(volume.path('noise'), noise);
  const change = await fs.open(volume.path('noise'), 'r+');
  noise.write('CHANGED', 1_234_567);
  await change.write('CHANGED', 1_234_567);
  await change.sync();
  await change.close();
  const { pid } = await volume.facts();
  expect(readFileSync(`/proc/${pid}/environ`).includes(readFileSync(key))).toBe(false);
  await volume.expect('varve', 'sync', volume.directory);
  await volume.kill();
  await volume.mount(`keyfile=${key}`);
  expect((await fs.readFile(volume.path('noise'))).equals(noise)).toBe(true);
  expect(await fs.readFile(volume.path('plainly-readable'), 'utf8')).toBe('plainly-readable\n'.repeat(20_000));
  expect(await volume.expect('varve', 'scrub', volume.directory)).toMatch(/no errors/);
  await volume.unmount();
  expect((await fs.readFile(volume.image)).includes('plainly')).toBe(false);
  expect(await volume.expect('fsck.varve', '-f', '--data', '--key-file', key, volume.image)).toMatch(/no problems/);
  expect(await volume.expect('varve', 'info', '--key-file', key, volume.image)).toMatch(/encryption/);
  const image = volume.image;
  for (const [program, code, ...args] of [
    ['mount.varve', 2, image, volume.directory, '-o', `keyfile=${other}`],
    ['varve', 2, 'info', '--key-file', other, image],
    ['fsck.varve', 8, '-n', '--key-file', other, image],
  ] as const) {
    expect(await volume.outcome(program, ...args)).toMatchObject({
      code,
      err: expect.stringMatching(/no key slot opens/),
    });
  }
  // The shell gives descriptors that the launcher needs itself.
  const phrase = join(folder, 'phrase');
  writeFileSync(phrase, 'some words\n');
  const shell = (line: string): string =>
    execFileSync('sh', ['-c', line, 'sh', image, key, phrase], { cwd: bin, encoding: 'utf8' });
  shell('./varve --key-file "$2" key add "$1" --new-passphrase-fd 3 3<"$3"');
  shell(`./mount.varve "$1" ${volume.directory} -o noatime,passphrase_fd=3 3<"$3"`);
  const server = (await volume.facts()).pid;
  expect(readdirSync(`/proc/${server}/fd`).map((fd) => readlinkSync(`/proc/${server}/fd/${fd}`))).not.toContain(phrase);
  await volume.unmount();
  await fs.rm(folder, { recursive: true });
});
