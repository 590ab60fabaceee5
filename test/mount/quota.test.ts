/** Limits as programs of ordinary users meet them on a mount with write-back caching, and `varve quota`. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MountedVolume, varve } from '../support/programs.js';

const mebibyte = 2 ** 20;
const someone = 1000;
let volume: MountedVolume;

beforeEach(async () => {
  volume = await MountedVolume.make('128M', '--quota', 'all');
  await volume.mount('norehearsal');
  chmodSync(volume.folder, 0o755);
  chmodSync(volume.directory, 0o777);
});
afterEach(() => volume.dispose());

/** What dd says, run by somebody in the volume. */
const dd = (...args: string[]): string =>
  spawnSync('dd', args, { cwd: volume.directory, uid: someone, gid: someone, encoding: 'utf8', env: { LC_ALL: 'C' } })
    .stderr;
const quota = (...args: string[]): Promise<string> => volume.expect('varve', 'quota', ...args);
const used = async (): Promise<number> =>
  JSON.parse(await quota('get', '-u', String(someone), '--json', volume.directory)).bytes;

test('what the write-back cache took beyond a limit is told by fsync and by close; near the limit, by write', async () => {
  await quota('set', '-u', String(someone), '--hard', '20M', volume.directory);
  expect(dd('if=/dev/zero', 'of=a', 'bs=1M', 'count=24', 'conv=fsync')).toMatch(/fsync failed.*quota exceeded/);
  expect(await used()).toBe(20 * mebibyte);
  expect(dd('if=/dev/zero', 'of=b', 'bs=1M', 'count=1')).toMatch(/error writing.*quota exceeded/);
  spawnSync('rm', ['a', 'b'], { cwd: volume.directory });
  expect(dd('if=/dev/zero', 'of=c', 'bs=1M', 'count=24')).toMatch(/closing output file.*Input\/output error/);
  spawnSync('rm', ['c'], { cwd: volume.directory });
  expect(dd('if=/dev/zero', 'of=d', 'bs=1M', 'count=15')).toMatch(/15\+0 records out/);
  // Opened with 5 MiB left: the write that meets the limit is short, and the next one fails.
  expect(dd('if=/dev/zero', 'of=e', 'bs=1536K', 'count=10')).toMatch(
    /error writing.*quota exceeded.*3\+0 records out\n5242880 bytes/s,
  );
  expect(statSync(volume.path('e')).size).toBe(5 * mebibyte);
  // In place, and by the superuser, more can be written.
  expect(dd('if=/dev/zero', 'of=e', 'bs=1M', 'count=5', 'conv=notrunc,fsync')).toMatch(/5\+0 records out/);
  const byRoot = ['if=/dev/zero', `of=${volume.path('e')}`, 'bs=1M', 'count=8', 'conv=notrunc,fsync'];
  expect(spawnSync('dd', byRoot, { encoding: 'utf8' }).status).toBe(0);
  expect(await used()).toBe(23 * mebibyte);
  await volume.unmount();
  expect(await quota('check', volume.image)).toBe('what is recorded is what is used\n');
  await volume.expect('fsck.varve', '-f', '--data', volume.image);
});

test('projects, the default, the report, and limits of an image', async () => {
  const directory = volume.path('project');
  mkdirSync(`${directory}/below`, { recursive: true });
  chmodSync(`${directory}/below`, 0o777);
  await quota('project', '42', directory);
  await quota('set', '-p', '42', '--hard', '8M', '--hard-inodes', '10', volume.directory);
  const { blocks, bsize, bfree, files } = statfsSync(`${directory}/below`);
  expect([blocks * bsize, bfree * bsize, files]).toEqual([8 * mebibyte, 8 * mebibyte, 10]);
  expect(dd('if=/dev/zero', 'of=project/below/a', 'bs=1M', 'count=9')).toMatch(/error writing.*quota exceeded/);
  expect(statfsSync(directory).bfree).toBe(0);
  await quota(
    'set',
    '--default',
    'user',
    '--hard-inodes',
    '2',
    '--soft',
    '1G',
    '--grace',
    '3days',
    '--inode-grace',
    '1h30m',
    volume.directory,
  );
  expect(dd('if=/dev/null', 'of=b')).toMatch(/0 bytes/);
  expect(dd('if=/dev/null', 'of=c')).toMatch(/quota exceeded/);
  await quota('set', '-u', String(someone), '--hard-inodes', 'none', volume.directory);
  expect(dd('if=/dev/null', 'of=c')).toMatch(/0 bytes/);
  const report = await quota('report', volume.directory);
  expect(report).toMatch(/\*\*\* Report for user quotas\nGrace time: space 3 days; inodes 90 minutes\n/);
  expect(report).toMatch(/#42 +-- +8\.0 MiB +- +8\.0 MiB +3 +- +10\n/);
  await volume.unmount();
  await quota('set', '-p', '42', '--hard', '16M', volume.image);
  const [users, groups, projects] = JSON.parse(await quota('report', '--json', volume.image));
  expect(users).toMatchObject({
    holder: 'user',
    default: { softBytes: 2 ** 30, hardInodes: 2, graceSeconds: 259_200, inodeGraceSeconds: 5400 },
  });
  expect(groups.entries.map(({ group }: { group: number }) => group)).toEqual([0, someone]);
  expect(projects.entries).toMatchObject([{ project: 42, bytes: 8 * mebibyte, hardBytes: 16 * mebibyte, inodes: 3 }]);
  expect(await varve('varve', 'quota', 'get', '-u', 'nobody-at-all', volume.image)).toMatchObject({ code: 2 });
  expect(readFileSync(volume.image).length).toBe(128 * mebibyte);
});
