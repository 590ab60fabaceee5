/** stat, setattr, extended attributes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeAcl } from '../../fs/posix/acl/posix-acl.js';
import { xattrFlag } from '../../fs/posix/api.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { acl } from './acl/acl-text.js';
import { bytes, moods, root, text, user, Workbench } from './workbench.js';

describe.each(moods)('on %s', (_, mood) => {
  let bench: Workbench;
  beforeEach(async () => {
    bench = await Workbench.open(mood);
  });
  const clean = async (): Promise<void> => expect(await bench.settle()).toEqual([]);

  it('takes no atime on a volume that has failed: nothing could ever write it', async () => {
    const inode = await bench.file('f', 'hello');
    await bench.flush(inode);
    const { atime } = await bench.stat(inode);
    bench.volume.failure = 'EIO';
    expect(await bench.read(inode)).toBe('hello');
    expect((await bench.stat(inode)).atime).toEqual(atime);
    bench.volume.failure = undefined;
    await bench.read(inode);
    expect((await bench.stat(inode)).atime).not.toEqual(atime);
  });

  it('keeps all that setattr sets', async () => {
    const inode = await bench.file('f', 'hello');
    const atime = { seconds: -5, nanos: 999_999_999 };
    const mtime = { seconds: 2 ** 33, nanos: 1 };
    const set = await bench.do((fs) =>
      fs.setattr(inode, { mode: 0o4640, uid: 70_000, gid: 80_000, atime, mtime, size: 3 }, root),
    );
    expect(set).toMatchObject({ mode: 0o104640, uid: 70_000, gid: 80_000, atime, mtime, size: 3 });
    await bench.fs.sync();
    await bench.remount();
    expect(await bench.stat(inode)).toEqual({ ...set, blocks: 1 });
    await clean();
  });

  it.each([
    ['the owner changes', { uid: 3 }, 0o106775, 0o100775],
    ['the owner of a file that the group may not execute changes', { gid: 3 }, 0o106745, 0o102745],
    ['the kernel asks for it', { killPrivileges: true }, 0o106755, 0o100755],
    ['the mode comes along', { uid: 3, mode: 0o6755 }, 0o100644, 0o106755],
  ] as const)('clears setuid and setgid when %s', async (_when, changes, before, after) => {
    const inode = await bench.file('f');
    await bench.do((fs) => fs.setattr(inode, { mode: before }, root));
    expect((await bench.do((fs) => fs.setattr(inode, changes, root))).mode).toBe(after);
  });

  it('leaves setgid of directories alone, and takes it from those outside of the group', async () => {
    const directory = await bench.directory('d');
    await bench.do((fs) => fs.setattr(directory, { mode: 0o2775 }, root));
    expect((await bench.do((fs) => fs.setattr(directory, { gid: 100 }, root))).mode).toBe(0o042775);
    const groups = new FileSystem(bench.volume, { groupsOf: () => [7, 9] });
    const run = async (gid: number): Promise<number> => {
      await bench.do((fs) => fs.setattr(directory, { gid }, root));
      bench.fs = groups;
      return (await bench.do((fs) => fs.setattr(directory, { mode: 0o2755 }, user))).mode;
    };
    expect([await run(100), await run(9), await run(8)]).toEqual([0o042755, 0o042755, 0o040755]);
  });

  it('moves atime only when it is older than a change', async () => {
    const inode = await bench.file('f', 'x');
    const made = await bench.stat(inode);
    await bench.read(inode);
    const first = await bench.stat(inode);
    expect(first.atime.seconds).toBeGreaterThan(made.atime.seconds);
    expect(first.ctime).toEqual(made.ctime);
    await bench.read(inode);
    expect((await bench.stat(inode)).atime).toEqual(first.atime);
    await bench.write(inode, 0, 'y');
    await bench.read(inode);
    const second = await bench.stat(inode);
    expect(second.atime.seconds).toBeGreaterThan(first.atime.seconds);
    await bench.fs.sync();
    await bench.remount({ accessTimes: 'noatime' });
    await bench.write(inode, 0, 'z');
    await bench.read(inode);
    expect((await bench.stat(inode)).atime).toEqual(second.atime);
  });

  it('counts blocks of what is stored and of what is still in memory', async () => {
    const inode = await bench.file('f', 'x'.repeat(3 * 4096));
    expect((await bench.stat(inode)).blocks).toBe(24);
    await bench.flush(inode);
    expect((await bench.stat(inode)).blocks).toBe(24);
    await bench.truncate(inode, 2 ** 30);
    expect((await bench.stat(inode)).blocks).toBe(24);
  });

  it('sets, replaces, lists and removes attributes of any size', async () => {
    const inode = await bench.file('f');
    const sizes = [0, 1, 2048, 2049, 3800, 3801, 65_536];
    const value = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 7 + size) & 255);
    for (const size of sizes) await bench.do((fs) => fs.setxattr(inode, bytes(`user.${size}`), value(size), 0, root));
    await bench.do((fs) => fs.setxattr(inode, bytes('trusted.a'), bytes('b'), xattrFlag.create, root));
    await bench.do((fs) =>
      fs.setxattr(inode, bytes('system.posix_acl_access'), encodeAcl(acl('u::rw-,g::r--,m::r--,o::---')), 0, root),
    );
    expect((await bench.stat(inode)).flags).toBe(3);
    for (const [i, size] of sizes.entries()) {
      const next = sizes[(i + 3) % sizes.length];
      expect(await bench.do((fs) => fs.getxattr(inode, bytes(`user.${size}`)))).toEqual(value(size));
      await bench.do((fs) => fs.setxattr(inode, bytes(`user.${size}`), value(next), xattrFlag.replace, root));
      expect(await bench.do((fs) => fs.getxattr(inode, bytes(`user.${size}`)))).toEqual(value(next));
    }
    await bench.remount();
    const names = text(await bench.do((fs) => fs.listxattr(inode))).split('\0');
    expect(names.sort()).toEqual(
      ['', 'system.posix_acl_access', 'trusted.a', ...sizes.map((size) => `user.${size}`)].sort(),
    );
    await clean();
    for (const name of names.filter((one) => one !== ''))
      await bench.do((fs) => fs.removexattr(inode, bytes(name), root));
    expect((await bench.stat(inode)).flags).toBe(0);
    expect((await bench.do((fs) => fs.listxattr(inode))).length).toBe(0);
    await clean();
  });

  it('refuses attributes as Linux does', async () => {
    const inode = await bench.file('f');
    const set = (name: string, value = 'x', flags = 0) =>
      bench.failure((fs) => fs.setxattr(inode, bytes(name), bytes(value), flags, root));
    expect(await set('user.a', 'x', xattrFlag.replace)).toBe('ENODATA');
    expect(await set('user.a')).toBe('none');
    expect(await set('user.a', 'x', xattrFlag.create)).toBe('EEXIST');
    expect(await set('nonsense.a')).toBe('EOPNOTSUPP');
    expect(await set('system.other')).toBe('EOPNOTSUPP');
    expect(await set('user.')).toBe('EINVAL');
    expect(await set(`user.${'n'.repeat(251)}`)).toBe('ERANGE');
    expect(await set(`user.${'n'.repeat(250)}`)).toBe('none');
    expect(await set('user.b', 'x'.repeat(65_537))).toBe('E2BIG');
    expect(await bench.failure((fs) => fs.getxattr(inode, bytes('user.b')))).toBe('ENODATA');
    expect(await bench.failure((fs) => fs.removexattr(inode, bytes('user.b'), root))).toBe('ENODATA');
    await bench.do((fs) => fs.unlink(1, bytes('f'), root));
    await clean();
  });

  it('remembers few inodes without losing any', async () => {
    await bench.remount({ cacheBytes: 4 << 20, cachedInodes: 16 });
    const all: number[] = [];
    for (let i = 0; i < 100; i++) all.push(await bench.file(`f${i}`, `contents ${i}`));
    for (const [i, inode] of all.entries()) expect(await bench.read(inode)).toBe(`contents ${i}`);
    await bench.fs.sync();
    for (const [i, inode] of all.entries()) expect(await bench.read(inode)).toBe(`contents ${i}`);
    await clean();
  });
});
