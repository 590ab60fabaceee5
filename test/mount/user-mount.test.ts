/**
 * Mounting as people do it: lines of fstab, mount(8) and umount(8), by root and by an ordinary user, with both drivers.
 * All in a mount namespace of its own.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requireFuse } from '../support/mounts.js';
import { Namespace, type Outcome, obstacleForUsers } from '../support/namespace.js';

/** nobody: mount(8) wants to know the user's name. */
const ordinary = 65534;
const who: [string, number | undefined][] = [
  ['root', undefined],
  ['an ordinary user', ordinary],
];
const cases = ['kernel', 'native'].flatMap((driver) =>
  who.map(([name, user]): [string, string, number | undefined] => [driver, name, user]),
);

let namespace: Namespace;
const imageOf = (driver: string, user: number | undefined) => join(namespace.folder, `${driver}-${user ?? 0}`, 'v.img');
const targetOf = (driver: string, user: number | undefined) => join(namespace.folder, `${driver}-${user ?? 0}`, 'mnt');

beforeAll(async () => {
  requireFuse();
  namespace = await Namespace.make();
  await namespace.openFuse();
  await namespace.overlay('/usr/sbin', '/usr/local');
  // driver=native brings its own.
  for (const [, path] of spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }).stdout.matchAll(
    /libfuse\.so\.2 .*=> (\S+)/g,
  ))
    await namespace.replaceFile(path, '');
  await namespace.expect(namespace.varve('varve'), 'install');
  const lines = cases.map(
    ([driver, , user]) =>
      `${imageOf(driver, user)} ${targetOf(driver, user)} varve user,exec,noauto,_netdev,x-test.note=1,driver=${driver} 0 0`,
  );
  lines.push(`${join(namespace.folder, 'all.img')} ${join(namespace.folder, 'all')} varve noatime,nofail 0 2`);
  await namespace.replaceFile('/etc/fstab', `${lines.join('\n')}\n`);
});

afterAll(() => namespace?.dispose());

it('mounts and remounts what no line of fstab names', async () => {
  const [image, target] = [join(namespace.folder, 'v.img'), join(namespace.folder, 'mnt')];
  mkdirSync(target);
  await namespace.expect(namespace.varve('mkfs.varve'), '--size', '64M', image);
  await namespace.expect('mount', '-f', '-t', 'varve', image, target);
  expect((await namespace.run(undefined, 'findmnt', target)).code).toBe(1);
  await namespace.expect('mount', '-t', 'varve', '-o', 'noatime,x-note=1', image, target);
  await namespace.expect('mount', '-o', 'remount,ro', target);
  expect((await namespace.run(undefined, 'touch', join(target, 'new'))).err).toContain('Read-only file system');
  await namespace.expect('umount', target);
  await namespace.expect('mount', '-r', '-v', '-t', 'varve', image, target);
  expect(await namespace.expect('findmnt', '-n', '-o', 'OPTIONS', target)).toMatch(/^ro,/);
  await namespace.expect('umount', target);
  expect(await namespace.expect(namespace.varve('varve'), 'install', '--uninstall')).toMatch(
    /removed +\/sbin\/mount\.varve/,
  );
  expect((await namespace.run(undefined, 'ls', '/sbin/mount.varve')).code).toBe(2);
  await namespace.expect(namespace.varve('varve'), 'install');
});

it('mounts all lines of fstab, each once', async () => {
  const [image, target] = [join(namespace.folder, 'all.img'), join(namespace.folder, 'all')];
  mkdirSync(target);
  await namespace.expect(namespace.varve('mkfs.varve'), '--size', '64M', image);
  for (let i = 0; i < 2; i++) await namespace.expect('mount', '-a');
  expect(await namespace.expect('findmnt', '-n', '-o', 'SOURCE', target)).toBe(`${image}\n`);
  await namespace.expect('umount', target);
});

describe.each(cases)('driver=%s, by %s', (driver, _, user) => {
  let image: string;
  let target: string;
  const by = (program: string, ...args: string[]): Promise<Outcome> => namespace.run(user, program, ...args);
  const varve = (program: string, ...args: string[]): Promise<Outcome> => by(namespace.varve(program), ...args);
  const done = { code: 0, out: '', err: '' };

  const obstacle = user === undefined ? undefined : obstacleForUsers(user);
  beforeEach((context) => context.skip(obstacle !== undefined, obstacle));

  beforeAll(async () => {
    if (obstacle !== undefined) return;
    [image, target] = [imageOf(driver, user), targetOf(driver, user)];
    mkdirSync(target, { recursive: true });
    for (const path of [target, join(target, '..')]) await chown(path, user ?? 0, user ?? 0);
    expect((await varve('mkfs.varve', '--size', '64M', image)).code).toBe(0);
  });

  it('mounts by a line of fstab, and unmounts', async () => {
    expect(await by('mount', target)).toEqual(done);
    expect(await by('sh', '-c', `echo text > ${target}/file && stat -c '%u %g' ${target}/file`)).toEqual({
      ...done,
      out: `${user ?? 0} ${user ?? 0}\n`,
    });
    const options = (await by('findmnt', '-n', '-o', 'SOURCE,FSTYPE,OPTIONS', target)).out;
    expect(options).toMatch(new RegExp(`^${image} +fuse.varve +rw,nosuid,nodev,`));
    expect(await by('umount', target)).toEqual(done);
    expect(await by('mount', target)).toEqual(done);
    expect((await by('cat', join(target, 'file'))).out).toBe('text\n');
    expect(await varve('varve', 'umount', target)).toEqual(done);
    expect((await varve('fsck.varve', '-n', '-f', image)).code).toBe(0);
  });

  it('remounts if root asks, and refuses a second mount of the image', async () => {
    expect(await by('mount', target)).toEqual(done);
    const other = join(target, '..', 'other');
    await by('mkdir', other);
    const second = await varve('mount.varve', image, other);
    expect([second.code, second.err]).toEqual([32, `mount.varve: ${image} is mounted on ${target}\n`]);
    expect(await namespace.run(undefined, 'mount', '-o', 'remount,ro', target)).toEqual(done);
    expect((await by('touch', join(target, 'new'))).err).toContain('Read-only file system');
    expect(await namespace.run(undefined, 'mount', '-o', 'remount,rw', target)).toEqual(done);
    expect(await by('touch', join(target, 'new'))).toEqual(done);
    if (user !== undefined)
      expect((await varve('mount.varve', image, target, '-o', 'remount,ro')).err).toContain('only root');
    expect(await varve('varve', 'umount', target)).toEqual(done);
  });

  it('survives the death of its server', async () => {
    expect(await by('mount', target)).toEqual(done);
    expect(
      (await by('sh', '-c', `echo kept > ${target}/kept && ${namespace.varve('varve')} sync ${target}`)).code,
    ).toBe(0);
    const { pid } = JSON.parse((await varve('varve', 'info', '--json', target)).out).server as { pid: number };
    await by('kill', '-9', `${pid}`);
    await by('sh', '-c', `while kill -0 ${pid}; do sleep 0.05; done`);
    const dead = await by('cat', join(target, 'kept'));
    expect(dead.err).toMatch(/not connected|connection abort/);
    expect((await varve('varve', 'umount', target)).err).toContain('--force');
    expect(await varve('varve', 'umount', '--force', target)).toEqual(done);
    expect(await by('mount', target)).toEqual(done);
    expect((await by('cat', join(target, 'kept'))).out).toBe('kept\n');
    expect(await varve('varve', 'umount', target)).toEqual(done);
  });

  it('lets others in only if fuse.conf allows it', async (context) => {
    context.skip(user === undefined, 'root needs no leave for it');
    const list = (uid: number | undefined): Promise<Outcome> => namespace.run(uid, 'ls', target);
    const mount = (...options: string[]): Promise<Outcome> =>
      varve('mount.varve', image, target, '-o', [`driver=${driver}`, ...options].join());
    expect(await mount()).toEqual(done);
    for (const other of [undefined, 12_345]) expect((await list(other)).err).toMatch(/Permission denied/);
    expect(await varve('varve', 'umount', target)).toEqual(done);
    await namespace.replaceFile('/etc/fuse.conf', '');
    expect((await mount('allow_other')).err).toMatch(/user_allow_other/);
    await namespace.replaceFile('/etc/fuse.conf', 'user_allow_other\n');
    expect(await mount('allow_other')).toEqual(done);
    expect((await list(12_345)).code).toBe(0);
    expect(await varve('varve', 'umount', target)).toEqual(done);
  });

  it('ends cleanly on SIGTERM and SIGHUP', async () => {
    for (const signal of ['-TERM', '-HUP']) {
      expect(await by('mount', target)).toEqual(done);
      const { pid } = JSON.parse((await varve('varve', 'info', '--json', target)).out).server as { pid: number };
      await by('touch', join(target, signal));
      await by('kill', signal, `${pid}`);
      await by('sh', '-c', `while kill -0 ${pid}; do sleep 0.05; done`);
      expect((await by('findmnt', target)).out).toBe('');
      expect((await varve('varve', 'info', '--json', image)).out).toContain('"clean": true');
    }
  });
});
