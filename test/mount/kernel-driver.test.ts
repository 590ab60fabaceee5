/**
 * The kernel-protocol driver on real mounts of a filesystem in memory: every operation by the system call that
 * causes it, with a filesystem that answers at once, one that suspends at random, and without write-back.
 */

import { execFile } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { constants, type FileHandle } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { errno } from '../../fs/errors.js';
import { fallocateFlag, renameFlag, seek } from '../../fs/posix/api.js';
import { ToyMount, type ToyOptions } from '../support/mounts.js';
import * as call from '../support/system-calls.js';

const execute = promisify(execFile);
const mebibyte = 2 ** 20;
const oTmpfile = 0o20200000;
const atFollow = 0x400;

/** Bytes that differ from page to page and from seed to seed. */
const pattern = (length: number, seed: number): Buffer => {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + seed, 2_654_435_761);
  return Buffer.from(words.buffer, 0, length);
};

const withFile = async <T>(path: string, flags: string | number, use: (file: FileHandle) => Promise<T>): Promise<T> => {
  const file = await fs.open(path, flags, 0o644);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
};

const errnoOf = (action: () => unknown): number => {
  try {
    action();
  } catch (e) {
    return (e as call.SystemCallError).errno;
  }
  return 0;
};

const kinds: [string, ToyOptions][] = [
  ['a filesystem that answers at once', {}],
  ['one that suspends three calls of ten', { restless: 0.3 }],
  ['no write-back', { writeThrough: true }],
  ['direct I/O, as near a limit', { nearLimit: true, restless: 0.1 }],
  ['the driver over fuse-native', { driver: 'native' }],
  ['the driver over fuse-native, suspending', { driver: 'native', restless: 0.3 }],
];

describe.each(kinds)('%s', (_, options) => {
  let mount: ToyMount;
  const native = options.driver === 'native';
  /** What libfuse 2 or fuse-native can't express: docs/DRIVERS.md lists it. */
  const notNative = (context: TestContext, reason: string): void => context.skip(native, reason);
  const path = (...parts: string[]) => mount.path(...parts);
  beforeAll(async () => {
    mount = await ToyMount.mount(options);
  });

  it('keeps what is written, in all sizes', async () => {
    for (const size of [0, 1, 4095, 4096, 4097, 131_072, 3 * mebibyte + 17]) {
      const data = pattern(size, size);
      await fs.writeFile(path('sized'), data);
      expect((await fs.stat(path('sized'))).size).toBe(size);
      expect((await fs.readFile(path('sized'))).equals(data)).toBe(true);
    }
  });

  it('overwrites, appends, truncates and reads holes as zeros', async () => {
    await fs.writeFile(path('edited'), pattern(10_000, 1));
    await withFile(path('edited'), 'r+', async (file) => {
      await file.write(Buffer.from('here'), 0, 4, 5000);
      await file.truncate(6000);
      await file.write(Buffer.from('end'), 0, 3, 20_000);
    });
    await fs.appendFile(path('edited'), 'tail');
    const expected = Buffer.concat([
      pattern(10_000, 1).subarray(0, 6000),
      Buffer.alloc(14_000),
      Buffer.from('endtail'),
    ]);
    expected.write('here', 5000);
    expect((await fs.readFile(path('edited'))).equals(expected)).toBe(true);
    await withFile(path('edited'), 'w', async (file) => file.write('new'));
    expect(await fs.readFile(path('edited'), 'utf8')).toBe('new');
  });

  it('reads and writes past the page cache', async () => {
    const data = pattern(mebibyte, 7);
    await withFile(path('direct'), constants.O_CREAT | constants.O_RDWR | constants.O_DIRECT, async (file) => {
      await file.write(data, 0, mebibyte, 0);
      await file.write(data, 0, 4096, mebibyte);
      const back = Buffer.alloc(mebibyte + 4096);
      expect((await file.read(back, 0, back.length, 0)).bytesRead).toBe(back.length);
      expect(back.equals(Buffer.concat([data, data.subarray(0, 4096)]))).toBe(true);
    });
  });

  it('lists large directories completely, with types', async () => {
    await fs.mkdir(path('large'));
    const names = Array.from({ length: 700 }, (_, i) => `${i}-${'x'.repeat(i % 200)}`);
    for (const name of names) await fs.writeFile(path('large', name), '');
    await fs.mkdir(path('large', 'folder'));
    const entries = await fs.readdir(path('large'), { withFileTypes: true });
    expect(entries.map((entry) => entry.name).sort()).toEqual([...names, 'folder'].sort());
    expect(entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)).toEqual(['folder']);
    await expect(fs.rmdir(path('large'))).rejects.toMatchObject({ code: 'ENOTEMPTY' });
    await fs.rm(path('large'), { recursive: true });
    await expect(fs.stat(path('large'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('makes, moves and removes names', async () => {
    await fs.mkdir(path('from'), { mode: 0o751 });
    await fs.mkdir(path('to'));
    await fs.writeFile(path('from', 'one'), 'one');
    await fs.writeFile(path('to', 'two'), 'two');
    await fs.rename(path('from', 'one'), path('to', 'three'));
    await fs.rename(path('to', 'three'), path('to', 'two'));
    expect(await fs.readFile(path('to', 'two'), 'utf8')).toBe('one');
    expect(await fs.readdir(path('from'))).toEqual([]);
    expect((await fs.stat(path('from'))).mode & 0o7777).toBe(0o751 & ~process.umask());
    await expect(fs.mkdir(path('from'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(fs.writeFile(path('x'.repeat(256)), '')).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
    await fs.writeFile(path('ä'.repeat(127)), 'long');
    expect(await fs.readFile(path('ä'.repeat(127)), 'utf8')).toBe('long');
  });

  it('exchanges names, and keeps what has the new one', async (context) => {
    notNative(context, 'libfuse 2 has no flags of rename');
    await fs.mkdir(path('flags'));
    await fs.mkdir(path('flags', 'deep'));
    await fs.writeFile(path('flags', 'one'), 'one');
    await fs.writeFile(path('flags', 'deep', 'two'), 'two');
    const move = (flags: number) => () =>
      call.renameat2(call.here, path('flags', 'one'), call.here, path('flags', 'deep', 'two'), flags);
    expect(errnoOf(move(renameFlag.exchange))).toBe(0);
    expect(await fs.readFile(path('flags', 'deep', 'two'), 'utf8')).toBe('one');
    expect(errnoOf(move(renameFlag.noReplace))).toBe(errno.EEXIST);
  });

  it('links, hard and soft', async () => {
    await fs.writeFile(path('original'), 'text');
    await fs.link(path('original'), path('second'));
    const [a, b] = [await fs.stat(path('original')), await fs.stat(path('second'))];
    expect([a.ino, a.nlink]).toEqual([b.ino, 2]);
    await fs.unlink(path('original'));
    expect(await fs.readFile(path('second'), 'utf8')).toBe('text');
    await fs.symlink('second', path('soft'));
    expect(await fs.readlink(path('soft'))).toBe('second');
    expect(await fs.readFile(path('soft'), 'utf8')).toBe('text');
    expect((await fs.lstat(path('soft'))).isSymbolicLink()).toBe(true);
  });

  it('makes fifos, devices and sockets', async () => {
    call.mknod(path('fifo'), 0o010644, 0);
    call.mknod(path('null'), 0o020666, 0x103);
    expect((await fs.stat(path('fifo'))).isFIFO()).toBe(true);
    const device = await fs.stat(path('null'));
    expect([device.isCharacterDevice(), device.rdev]).toEqual([true, 0x103]);
    expect((await fs.readFile(path('null'))).length).toBe(0);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path('socket'), resolve));
    expect((await fs.stat(path('socket'))).isSocket()).toBe(true);
    await new Promise((resolve) => server.close(resolve));
  });

  it('keeps modes, owners and times', async () => {
    await fs.writeFile(path('owned'), 'x');
    await fs.chmod(path('owned'), 0o6755);
    await fs.chown(path('owned'), 1234, 4321);
    await fs.utimes(path('owned'), 1_500_000_000.125, 1_600_000_000.5);
    const s = await fs.stat(path('owned'), { bigint: true });
    expect([s.uid, s.gid]).toEqual([1234n, 4321n]);
    expect(Number(s.mode) & 0o7777).toBe(0o755);
    expect([s.atimeNs, s.mtimeNs]).toEqual([1_500_000_000_125_000_000n, 1_600_000_000_500_000_000n]);
  });

  it('keeps times to the nanosecond, before 1970 too, one without the other', async (context) => {
    notNative(context, 'libfuse 2 passes both times on or none, and fuse-native counts them in milliseconds');
    await fs.writeFile(path('times'), 'x');
    await execute('touch', ['-a', '-d', '@-12.123456789', path('times')]);
    await execute('touch', ['-m', '-d', '@1700000000.000000001', path('times')]);
    const t = await fs.stat(path('times'), { bigint: true });
    expect([t.atimeNs, t.mtimeNs]).toEqual([-12_123_456_789n, 1_700_000_000_000_000_001n]);
    expect(Math.abs(Number(t.birthtimeMs) - Date.now())).toBeLessThan(60_000);
    expect(t.birthtimeNs).toBeGreaterThan(t.mtimeNs);
  });

  it('keeps extended attributes', async () => {
    await fs.writeFile(path('attributed'), '');
    const file = path('attributed');
    const value = pattern(3000, 3);
    call.setxattr(file, 'user.long', value, value.length, 0);
    call.setxattr(file, 'trusted.empty', new Uint8Array(), 0, 0);
    expect(call.getxattr(file, 'user.long', new Uint8Array(1), 0)).toBe(3000);
    const got = new Uint8Array(4000);
    expect(call.getxattr(file, 'user.long', got, got.length)).toBe(3000);
    expect(Buffer.compare(got.subarray(0, 3000), value)).toBe(0);
    expect(call.getxattr(file, 'trusted.empty', got, got.length)).toBe(0);
    expect(errnoOf(() => call.getxattr(file, 'user.long', got, 2999))).toBe(errno.ERANGE);
    expect(errnoOf(() => call.getxattr(file, 'user.none', got, 10))).toBe(errno.ENODATA);
    expect(errnoOf(() => call.setxattr(file, 'user.long', value, 1, 1))).toBe(errno.EEXIST);
    expect(errnoOf(() => call.setxattr(file, 'system.posix_acl_access', value, 4, 0))).toBe(errno.EOPNOTSUPP);
    const listed = call.listxattr(file, got, got.length);
    expect(Buffer.from(got.subarray(0, listed)).toString()).toBe('user.long\0trusted.empty\0');
    call.removexattr(file, 'user.long');
    expect(call.listxattr(file, got, got.length)).toBe('trusted.empty\0'.length);
  });

  it('finds data and holes, also what only the kernel has yet', async (context) => {
    notNative(context, 'libfuse 2 has no lseek, and fuse-native no fallocate');
    await withFile(path('sparse'), 'w+', async (file) => {
      await file.write(Buffer.alloc(4096, 1), 0, 4096, 65_536);
      expect(call.lseek(file.fd, 0, seek.data)).toBe(65_536);
      expect(call.lseek(file.fd, 65_536, seek.hole)).toBe(69_632);
      expect(errnoOf(() => call.lseek(file.fd, 69_632, seek.data))).toBe(errno.ENXIO);
      call.fallocate(file.fd, 0, 131_072, 4096);
      expect((await file.stat()).size).toBe(135_168);
      call.fallocate(file.fd, fallocateFlag.punchHole | fallocateFlag.keepSize, 65_536, 4096);
      expect(call.lseek(file.fd, 0, seek.data)).toBe(131_072);
      const back = Buffer.alloc(4096, 9);
      await file.read(back, 0, 4096, 65_536);
      expect(back.equals(Buffer.alloc(4096))).toBe(true);
      expect(errnoOf(() => call.fallocate(file.fd, fallocateFlag.collapseRange, 0, 4096))).toBe(errno.EOPNOTSUPP);
    });
  });

  it('copies ranges within the filesystem', async (context) => {
    notNative(context, 'libfuse 2 has no copy_file_range: the kernel reads and writes');
    const data = pattern(300_000, 5);
    await fs.writeFile(path('source'), data);
    await withFile(path('source'), 'r', (from) =>
      withFile(path('copy'), 'w+', async (to) => {
        for (let done = 0; done < data.length; ) {
          const [a, b] = [BigInt64Array.of(BigInt(done)), BigInt64Array.of(BigInt(done))];
          const copied = call.copyFileRange(from.fd, a, to.fd, b, data.length - done, 0);
          expect(copied).toBeGreaterThan(0);
          done += copied;
        }
      }),
    );
    expect((await fs.readFile(path('copy'))).equals(data)).toBe(true);
    expect((await mount.calls()).copyRange).toBeGreaterThan(0);
  });

  it('makes files without names, and names them', async (context) => {
    notNative(context, 'libfuse 2 has no O_TMPFILE');
    await withFile(path('.'), oTmpfile | constants.O_RDWR, async (file) => {
      await file.write('nameless');
      expect((await file.stat()).nlink).toBe(0);
      call.linkat(call.here, `/proc/self/fd/${file.fd}`, call.here, path('named'), atFollow);
    });
    expect(await fs.readFile(path('named'), 'utf8')).toBe('nameless');
  });

  it('keeps files that are open and have no name any more', async () => {
    await withFile(path('doomed'), 'w+', async (file) => {
      await file.write('still here');
      await fs.unlink(path('doomed'));
      const back = Buffer.alloc(10);
      await file.read(back, 0, 10, 0);
      expect(back.toString()).toBe('still here');
    });
  });

  it('passes fsync, fdatasync and the fsync of a directory on', async () => {
    const before = await mount.calls();
    await withFile(path('synced'), 'w', async (file) => {
      await file.write('x');
      await file.sync();
      await file.write('y');
      await file.datasync();
    });
    await withFile(path('.'), 'r', (directory) => directory.sync());
    const after = await mount.calls();
    for (const name of ['fsync', 'fdatasync', 'sync']) {
      expect((after[name] ?? 0) - (before[name] ?? 0), name).toBeGreaterThan(0);
    }
  });

  it('says how much space there is', async () => {
    const s = await fs.statfs(path());
    expect([s.bsize, s.blocks]).toEqual([4096, 262_144]);
    expect(s.bavail).toBeLessThanOrEqual(s.bfree);
    expect(s.ffree).toBe(1_000_000);
  });

  it('serves many at once', async () => {
    await fs.mkdir(path('busy'));
    await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const data = pattern(20_000 + i * 977, i);
        await fs.writeFile(path('busy', `${i}`), data);
        await fs.rename(path('busy', `${i}`), path('busy', `done-${i}`));
        expect((await fs.readFile(path('busy', `done-${i}`))).equals(data)).toBe(true);
        await fs.stat(path('busy', `absent-${i}`)).catch((e: NodeJS.ErrnoException) => expect(e.code).toBe('ENOENT'));
      }),
    );
    expect((await fs.readdir(path('busy'))).length).toBe(40);
  });

  it('forgets what is removed: every hold is given back', async () => {
    for (const name of await fs.readdir(path())) await fs.rm(path(name), { recursive: true });
    let nodes = await mount.nodes();
    for (let tries = 0; nodes.length > 1 && tries < 50; tries++) {
      await sleep(20);
      nodes = await mount.nodes();
    }
    expect(nodes.filter((node) => node.inode !== 1)).toEqual([]);
    expect(mount.log).toEqual([]);
  });

  it('ends when it is unmounted', async () => {
    expect(await mount.unmount()).toBe(0);
    await mount.dispose();
  });
});
