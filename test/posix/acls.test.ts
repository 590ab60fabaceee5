/** ACLs of files: set, kept in step with the mode, inherited, and free where there are none. */
import { beforeEach, describe, expect, it } from 'vitest';
import { decodeAcl, encodeAcl } from '../../fs/posix/acl/posix-acl.js';
import { acl, aclText } from './acl/acl-text.js';
import { bytes, moods, root, user, Workbench } from './workbench.js';

const access = bytes('system.posix_acl_access');
const byDefault = bytes('system.posix_acl_default');
const wide = 'u::rwx,u:1000:rwx,g::r-x,m::rwx,o::r--';
/** As many entries as fit a page: the value lies in pieces. */
const long = `u::rwx,${Array.from({ length: 505 }, (_, i) => `u:${i}:r--`).join(',')},g::r-x,m::rwx,o::r--`;

describe.each(moods)('on %s', (_, mood) => {
  let bench: Workbench;
  beforeEach(async () => {
    bench = await Workbench.open(mood);
  });
  const set = (inode: number, name: Uint8Array, text: string, kill = false): Promise<void> =>
    bench.do((fs) => fs.setxattr(inode, name, encodeAcl(acl(text)), 0, root, kill));
  const get = async (inode: number, name = access): Promise<string> => {
    const failed = await bench.failure((fs) => fs.getxattr(inode, name));
    return failed === 'none' ? aclText(decodeAcl(await bench.do((fs) => fs.getxattr(inode, name)), 'test')) : failed;
  };
  const modeOf = async (inode: number): Promise<number> => (await bench.stat(inode)).mode & 0o7777;
  const clean = async (): Promise<void> => expect(await bench.settle()).toEqual([]);

  it('sets the mode with an access ACL, and the mask with a mode', async () => {
    const inode = await bench.file('f');
    await set(inode, access, wide);
    expect(await modeOf(inode)).toBe(0o774);
    await bench.do((fs) => fs.setattr(inode, { mode: 0o4640 }, root));
    expect(await get(inode)).toBe('u::rw-,u:1000:rwx,g::r-x,m::r--,o::---');
    expect(await modeOf(inode)).toBe(0o4640);
    await set(inode, access, long);
    expect(await get(inode)).toBe(long);
    await bench.remount();
    expect(await get(inode)).toBe(long);
    await bench.do((fs) => fs.unlink(1, bytes('f'), root));
    await clean();
  });

  it('keeps no ACL that says what the mode says', async () => {
    const inode = await bench.file('f');
    await set(inode, access, wide);
    await set(inode, access, 'u::rw-,g::r--,o::---');
    expect([await get(inode), await modeOf(inode), (await bench.stat(inode)).flags]).toEqual(['ENODATA', 0o640, 0]);
    await set(inode, access, wide);
    await bench.do((fs) => fs.removexattr(inode, access, root));
    expect([await get(inode), await modeOf(inode)]).toEqual(['ENODATA', 0o774]);
    const { ctime } = await bench.stat(inode);
    await bench.do((fs) => fs.removexattr(inode, access, root));
    expect((await bench.stat(inode)).ctime).toEqual(ctime);
    await clean();
  });

  it('takes setgid away with an access ACL where it is told to', async () => {
    const [file, directory] = [await bench.file('f'), await bench.directory('d')];
    for (const inode of [file, directory]) await bench.do((fs) => fs.setattr(inode, { mode: 0o2770 }, root));
    await set(file, access, wide, true);
    await set(directory, byDefault, wide, true);
    expect([await modeOf(file), await modeOf(directory)]).toEqual([0o774, 0o2770]);
  });

  it('refuses what is no ACL, and defaults of what is no directory', async () => {
    const inode = await bench.file('f');
    const link = await bench.do((fs) => fs.symlink(1, bytes('l'), bytes('f'), root));
    const fails = (at: number, name: Uint8Array, value: Uint8Array): Promise<string> =>
      bench.failure((fs) => fs.setxattr(at, name, value, 0, root));
    expect(await fails(inode, access, bytes('nonsense'))).toBe('EOPNOTSUPP');
    expect(await fails(inode, access, encodeAcl(acl('u::rwx,g::rwx')))).toBe('EINVAL');
    expect(await fails(inode, byDefault, encodeAcl(acl(wide)))).toBe('EACCES');
    expect(await fails(link.inode, access, encodeAcl(acl(wide)))).toBe('EOPNOTSUPP');
    expect(await fails(inode, byDefault, new Uint8Array(0))).toBe('none');
  });

  it.each([
    ['short', 'u::rwx,u:1000:rwx,g::r-x,m::rwx,o::r--'],
    ['long', long],
  ])('hands a %s default ACL down, and leaves the umask aside there', async (_name, text) => {
    const parent = await bench.directory('d');
    await set(parent, byDefault, text);
    expect(await modeOf(parent)).toBe(0o755);
    const file = await bench.do((fs) => fs.mknod(parent, bytes('f'), 0o100666, 0, 0o077, user));
    expect(file.mode).toBe(0o100664);
    expect(await get(file.inode)).toBe(text.replace('u::rwx', 'u::rw-').replace('m::rwx', 'm::rw-'));
    const below = await bench.do((fs) => fs.mkdir(parent, bytes('b'), 0o750, 0o077, user));
    expect(below.mode).toBe(0o040750);
    expect(await get(below.inode)).toBe(text.replace('m::rwx', 'm::r-x').replace('o::r--', 'o::---'));
    expect(await get(below.inode, byDefault)).toBe(text);
    const link = await bench.do((fs) => fs.symlink(parent, bytes('l'), bytes('f'), user));
    expect([link.mode, await get(link.inode)]).toEqual([0o120777, 'ENODATA']);
    const nameless = await bench.do((fs) => fs.tmpfile(parent, 0o600, 0o077, user));
    expect(nameless.mode).toBe(0o100600);
    expect(await get(nameless.inode)).toContain('m::---');
    await clean();
  });

  it('inherits no more than a mode from a default that says no more', async () => {
    const parent = await bench.directory('d');
    await set(parent, byDefault, 'u::rwx,g::r-x,o::---');
    const file = await bench.do((fs) => fs.mknod(parent, bytes('f'), 0o100666, 0, 0o777, user));
    expect([file.mode, await get(file.inode), file.flags]).toEqual([0o100640, 'ENODATA', 0]);
  });

  it('shows trusted attributes to root alone', async () => {
    const inode = await bench.file('f');
    for (const name of ['trusted.a', 'user.b'])
      await bench.do((fs) => fs.setxattr(inode, bytes(name), bytes(''), 0, root));
    const names = async (who: typeof root): Promise<string[]> =>
      Buffer.from(await bench.do((fs) => fs.listxattr(inode, who)))
        .toString()
        .split('\0')
        .filter(Boolean)
        .sort();
    expect(await names(root)).toEqual(['trusted.a', 'user.b']);
    expect(await names(user)).toEqual(['user.b']);
  });
});

it('costs no search in the tree where there are no ACLs', async () => {
  const bench = await Workbench.open();
  const inode = await bench.file('f');
  await bench.do((fs) => fs.setxattr(inode, bytes('user.a'), bytes('b'), 0, root));
  const searches = async (work: () => Promise<unknown>): Promise<number> => {
    let count = 0;
    const { volume } = bench;
    const [seek, get] = [volume.seek.bind(volume), volume.get.bind(volume)];
    volume.seek = (...key) => {
      count++;
      return seek(...key);
    };
    volume.get = (...key) => {
      count++;
      return get(...key);
    };
    await work();
    [volume.seek, volume.get] = [seek, get];
    return count;
  };
  expect(await searches(() => bench.failure((fs) => fs.getxattr(inode, access)))).toBe(0);
  expect(await searches(() => bench.do((fs) => fs.setattr(inode, { mode: 0o600 }, root)))).toBe(0);
  // The one search is for the name.
  expect(await searches(() => bench.do((fs) => fs.mknod(1, bytes('g'), 0o100600, 0, 0, root)))).toBe(1);
});
