/** Immutable and append-only inodes refuse what they must, and nothing else; other flags are kept and inherited. */
import { beforeEach, describe, expect, it } from 'vitest';
import { inodeFlag } from '../../fs/format/item.js';
import { fallocateFlag, renameFlag } from '../../fs/posix/api.js';
import type { FileSystem } from '../../fs/posix/filesystem.js';
import { bytes, root, Workbench } from './workbench.js';

const time = { seconds: 1, nanos: 0 };
const value = bytes('v');

type Call = (fs: FileSystem, file: number, directory: number) => unknown;

/** Each with whether an immutable, and an append-only, file and directory refuse it. */
const cases: readonly (readonly [string, boolean, boolean, Call])[] = [
  ['write', true, false, (fs, f) => fs.write(f, 1, value, root)],
  ['open to write', true, true, (fs, f) => fs.checkOpen(f, false)],
  ['open to append', true, false, (fs, f) => fs.checkOpen(f, true)],
  ['read', false, false, (fs, f) => fs.read(f, 0, new Uint8Array(1))],
  ['truncate', true, true, (fs, f) => fs.setattr(f, { size: 0 }, root)],
  ['chmod', true, true, (fs, f) => fs.setattr(f, { mode: 0o600 }, root)],
  ['chown', true, true, (fs, f) => fs.setattr(f, { uid: 5 }, root)],
  ['set times', true, true, (fs, f) => fs.setattr(f, { atime: time, mtime: time }, root)],
  ['touch', true, false, (fs, f) => fs.setattr(f, { atime: 'now', mtime: 'now' }, root)],
  ['times of written pages', false, false, (fs, f) => fs.setattr(f, { mtime: time, ctime: time, cached: true }, root)],
  ['allocate', true, false, (fs, f) => fs.fallocate(f, 0, 0, 100)],
  ['punch', true, true, (fs, f) => fs.fallocate(f, fallocateFlag.punchHole | fallocateFlag.keepSize, 0, 4096)],
  ['copy into', true, true, (fs, f) => fs.copyRange(f, 0, f, 8192, 1, root)],
  ['set an attribute', true, true, (fs, f) => fs.setxattr(f, bytes('user.a'), value, 0, root)],
  ['remove an attribute', true, true, (fs, f) => fs.removexattr(f, bytes('user.old'), root)],
  ['link', true, true, (fs, f) => fs.link(f, 1, bytes('link'), root)],
  ['unlink', true, true, (fs) => fs.unlink(1, bytes('file'), root)],
  ['rename', true, true, (fs) => fs.rename(1, bytes('file'), 1, bytes('other'), 0, root)],
  ['rename over', true, true, (fs) => fs.rename(1, bytes('spare'), 1, bytes('file'), 0, root)],
  ['exchange', true, true, (fs) => fs.rename(1, bytes('spare'), 1, bytes('file'), renameFlag.exchange, root)],
  ['rmdir', true, true, (fs) => fs.rmdir(1, bytes('directory'), root)],
  ['create in', true, false, (fs, _, d) => fs.mknod(d, bytes('n'), 0o100600, 0, 0, root)],
  ['mkdir in', true, false, (fs, _, d) => fs.mkdir(d, bytes('n'), 0o700, 0, root)],
  ['tmpfile in', true, false, (fs, _, d) => fs.tmpfile(d, 0o600, 0, root)],
  ['link into', true, false, (fs, _, d) => fs.link(fs.lookup(1, bytes('spare')).inode, d, bytes('n'), root)],
  ['rename into', true, false, (fs, _, d) => fs.rename(1, bytes('spare'), d, bytes('n'), 0, root)],
  ['unlink from', true, true, (fs, _, d) => fs.unlink(d, bytes('inner'), root)],
  ['rename from', true, true, (fs, _, d) => fs.rename(d, bytes('inner'), 1, bytes('n'), 0, root)],
];

describe.each(cases)('%s', (what, immutable, append, call) => {
  let bench: Workbench;
  let [file, directory] = [0, 0];
  beforeEach(async () => {
    bench = await Workbench.open();
    file = await bench.file('file', 'contents');
    await bench.file('spare');
    directory = await bench.directory('directory');
    if (what !== 'rmdir') await bench.file('inner', '', directory);
    await bench.do((fs) => fs.setxattr(file, bytes('user.old'), value, 0, root));
  });
  const attempt = async (flag: number): Promise<boolean> => {
    for (const inode of [file, directory]) await bench.do((fs) => fs.setFlags(inode, flag, undefined, root));
    const failure = await bench.failure((fs) => call(fs, file, directory));
    expect(failure).toMatch(/^(none|EPERM)$/);
    for (const inode of [file, directory]) {
      if ((await bench.failure((fs) => fs.getattr(inode))) === 'none') {
        await bench.do((fs) => fs.setFlags(inode, 0, undefined, root));
      }
    }
    expect(await bench.settle()).toEqual([]);
    return failure === 'EPERM';
  };
  it(`is ${immutable ? 'refused' : 'allowed'} on what is immutable`, async () => {
    expect(await attempt(inodeFlag.immutable)).toBe(immutable);
  });
  it(`is ${append ? 'refused' : 'allowed'} on what is append-only`, async () => {
    expect(await attempt(inodeFlag.appendOnly)).toBe(append);
  });
  it('is allowed otherwise', async () => {
    expect(await attempt(inodeFlag.noDump)).toBe(false);
  });
});

describe('flags', () => {
  it('are kept, inherited as far as they say how to store, and refused where they make no sense', async () => {
    const bench = await Workbench.open();
    const directory = await bench.directory('d');
    const all = inodeFlag.noAtime | inodeFlag.noCompress | inodeFlag.noDump;
    const own = inodeFlag.appendOnly | inodeFlag.projectInherit;
    await bench.do((fs) => fs.setFlags(directory, all | own, 7, root));
    const file = await bench.file('f', '', directory);
    const link = await bench.do((fs) => fs.symlink(directory, bytes('l'), bytes('f'), root));
    await bench.remount();
    expect(await bench.stat(directory)).toMatchObject({ flags: all | own, project: 7 });
    expect(await bench.stat(file)).toMatchObject({ flags: all, project: 7 });
    expect((await bench.stat(link.inode)).flags).toBe(0);
    const fails = (inode: number, flags: number): Promise<string> =>
      bench.failure((fs) => fs.setFlags(inode, flags, undefined, root));
    expect(await fails(file, inodeFlag.compress | inodeFlag.noCompress)).toBe('EINVAL');
    expect(await fails(file, inodeFlag.acl)).toBe('EINVAL');
    expect(await fails(link.inode, inodeFlag.noDump)).toBe('ENOTTY');
  });
});

describe('a whiteout', () => {
  it('takes the place of what is renamed', async () => {
    const bench = await Workbench.open();
    const file = await bench.file('a', 'contents');
    const directory = await bench.directory('d');
    await bench.do((fs) => fs.rename(1, bytes('a'), directory, bytes('b'), renameFlag.whiteout, root));
    expect(await bench.names(1)).toEqual(['a', 'd']);
    expect(await bench.do((fs) => fs.lookup(directory, bytes('b')))).toMatchObject({ inode: file });
    expect(await bench.do((fs) => fs.lookup(1, bytes('a')))).toMatchObject({ mode: 0o020000, device: 0, links: 1 });
    await bench.do((fs) => fs.rename(directory, bytes('b'), 1, bytes('a'), renameFlag.whiteout, root));
    expect(await bench.read(file)).toBe('contents');
    expect(await bench.settle()).toEqual([]);
  });
});
