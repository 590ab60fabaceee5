/** Names: what each operation does to entries, links and times, and which errors it answers with. */
import { beforeEach, describe, expect, it } from 'vitest';
import { itemKind } from '../../fs/format/item.js';
import { renameFlag } from '../../fs/posix/api.js';
import { decodeInode, encodeInode } from '../../fs/posix/inode/inode-record.js';
import { maxLinks } from '../../fs/posix/namespace/link.js';
import { Batch } from '../../fs/tree/batch.js';
import { bytes, moods, root, text, user, Workbench } from './workbench.js';

describe.each(moods)('on %s', (_, mood) => {
  let bench: Workbench;
  beforeEach(async () => {
    bench = await Workbench.open(mood);
  });
  const clean = async (): Promise<void> => expect(await bench.settle()).toEqual([]);

  it('finds what was made, under each of its names', async () => {
    const inode = await bench.file('one', 'hello');
    await bench.do((fs) => fs.link(inode, 1, bytes('two'), root));
    const directory = await bench.directory('dir');
    await bench.do((fs) => fs.link(inode, directory, bytes('three'), root));
    for (const [parent, name] of [
      [1, 'one'],
      [1, 'two'],
      [directory, 'three'],
    ] as const) {
      expect(await bench.do((fs) => fs.lookup(parent, bytes(name)))).toMatchObject({ inode, links: 3, size: 5 });
    }
    expect((await bench.do((fs) => fs.lookup(directory, bytes('..')))).inode).toBe(1);
    expect((await bench.do((fs) => fs.lookup(directory, bytes('.')))).inode).toBe(directory);
    await clean();
  });

  it('takes any byte but / and NUL in a name of 1 to 255 bytes', async () => {
    const all = Uint8Array.from({ length: 255 }, (_, i) => (i + 1 === 0x2f ? 1 : i + 1));
    const inode = (await bench.do((fs) => fs.mknod(1, all, 0o100600, 0, 0, user))).inode;
    expect(await bench.do((fs) => fs.lookup(1, all))).toMatchObject({ inode, uid: 1000, gid: 100, mode: 0o100600 });
    const make = (name: Uint8Array) => bench.failure((fs) => fs.mknod(1, name, 0o100600, 0, 0, root));
    expect(await make(new Uint8Array(256).fill(65))).toBe('ENAMETOOLONG');
    for (const bad of ['', 'a/b', 'a\0b', '.', '..']) expect(await make(bytes(bad))).toBe('EINVAL');
    expect(await make(all)).toBe('EEXIST');
  });

  it('counts links and subdirectories', async () => {
    const a = await bench.directory('a');
    const b = await bench.directory('b', a);
    expect((await bench.stat(1)).links).toBe(3);
    expect((await bench.stat(a)).links).toBe(3);
    expect(await bench.failure((fs) => fs.rmdir(1, bytes('a'), root))).toBe('ENOTEMPTY');
    await bench.do((fs) => fs.rename(a, bytes('b'), 1, bytes('b'), 0, root));
    expect((await bench.stat(a)).links).toBe(2);
    expect((await bench.do((fs) => fs.lookup(b, bytes('..')))).inode).toBe(1);
    await bench.do((fs) => fs.rmdir(1, bytes('a'), root));
    expect((await bench.stat(1)).links).toBe(3);
    await clean();
  });

  it('moves times of the directories and of the inode', async () => {
    const a = await bench.directory('a');
    const b = await bench.directory('b');
    const inode = await bench.file('f', '', a);
    const before = await bench.stat(inode);
    const old = await bench.stat(a);
    await bench.do((fs) => fs.rename(a, bytes('f'), b, bytes('g'), 0, root));
    const after = await bench.stat(inode);
    expect(after.mtime).toEqual(before.mtime);
    expect(after.ctime.seconds).toBeGreaterThan(before.ctime.seconds);
    for (const directory of [a, b]) {
      const { mtime, ctime } = await bench.stat(directory);
      expect(mtime.seconds).toBeGreaterThan(old.mtime.seconds);
      expect(ctime).toEqual(mtime);
    }
  });

  it('gives new entries of a setgid directory its group', async () => {
    const { inode: parent } = await bench.do((fs) =>
      fs.mkdir(1, bytes('shared'), 0o2775, 0, { uid: 5, gid: 50, pid: 1 }),
    );
    const file = await bench.do((fs) => fs.mknod(parent, bytes('f'), 0o100666, 0, 0o022, user));
    const directory = await bench.do((fs) => fs.mkdir(parent, bytes('d'), 0o777, 0o022, user));
    expect(file).toMatchObject({ uid: 1000, gid: 50, mode: 0o100644 });
    expect(directory).toMatchObject({ uid: 1000, gid: 50, mode: 0o042755 });
  });

  it('keeps the target of a symbolic link, and devices', async () => {
    const link = await bench.do((fs) => fs.symlink(1, bytes('l'), bytes('some/where'), user));
    expect(link).toMatchObject({ mode: 0o120777, size: 10 });
    expect(text(await bench.do((fs) => fs.readlink(link.inode)))).toBe('some/where');
    expect(await bench.failure((fs) => fs.symlink(1, bytes('m'), new Uint8Array(4096).fill(65), root))).toBe(
      'ENAMETOOLONG',
    );
    const long = await bench.do((fs) => fs.symlink(1, bytes('n'), new Uint8Array(4095).fill(65), root));
    expect((await bench.do((fs) => fs.readlink(long.inode))).length).toBe(4095);
    const device = await bench.do((fs) => fs.mknod(1, bytes('d'), 0o020600, 0x103, 0, root));
    expect(device).toMatchObject({ device: 0x103, mode: 0o020600 });
    expect(await bench.failure((fs) => fs.readlink(device.inode))).toBe('EINVAL');
    await clean();
  });

  it('refuses what POSIX refuses', async () => {
    const file = await bench.file('file');
    const a = await bench.directory('a');
    await bench.file('full', '', a);
    const b = await bench.directory('b', a);
    const rename = (p: number, n: string, q: number, m: string, flags = 0) =>
      bench.failure((fs) => fs.rename(p, bytes(n), q, bytes(m), flags, root));
    expect(await bench.failure((fs) => fs.unlink(1, bytes('a'), root))).toBe('EISDIR');
    expect(await bench.failure((fs) => fs.rmdir(1, bytes('file'), root))).toBe('ENOTDIR');
    expect(await bench.failure((fs) => fs.unlink(1, bytes('none'), root))).toBe('ENOENT');
    expect(await bench.failure((fs) => fs.lookup(file, bytes('x')))).toBe('ENOTDIR');
    expect(await bench.failure((fs) => fs.link(a, 1, bytes('x'), root))).toBe('EPERM');
    expect(await bench.failure((fs) => fs.getattr(99))).toBe('ESTALE');
    expect(await rename(1, 'none', 1, 'x')).toBe('ENOENT');
    expect(await rename(1, 'a', b, 'x')).toBe('EINVAL');
    expect(await rename(1, 'a', a, 'x')).toBe('EINVAL');
    expect(await rename(1, 'file', 1, 'a')).toBe('EISDIR');
    expect(await rename(1, 'a', 1, 'file')).toBe('ENOTDIR');
    expect(await rename(a, 'b', 1, 'a')).toBe('ENOTEMPTY');
    expect(await rename(1, 'file', a, 'full', renameFlag.noReplace)).toBe('EEXIST');
    expect(await rename(1, 'file', 1, 'x', renameFlag.exchange)).toBe('ENOENT');
    expect(await rename(1, 'file', 1, 'x', renameFlag.whiteout | renameFlag.exchange)).toBe('EINVAL');
    expect(await rename(1, 'file', 1, 'x', 8)).toBe('EINVAL');
    expect(await rename(1, 'file', a, 'full', renameFlag.noReplace | renameFlag.exchange)).toBe('EINVAL');
    expect(await rename(a, 'b', 1, 'a', renameFlag.exchange)).toBe('EINVAL');
    expect(await bench.names(1)).toEqual(['a', 'file']);
    await clean();
  });

  it('renames onto a file, onto an empty directory, and onto another name of the same file', async () => {
    const one = await bench.file('one', 'first');
    const two = await bench.file('two', 'second');
    await bench.do((fs) => fs.rename(1, bytes('one'), 1, bytes('two'), 0, root));
    expect(await bench.names(1)).toEqual(['two']);
    expect((await bench.do((fs) => fs.lookup(1, bytes('two')))).inode).toBe(one);
    expect(await bench.failure((fs) => fs.getattr(two))).toBe('ESTALE');
    await bench.do((fs) => fs.link(one, 1, bytes('three'), root));
    await bench.do((fs) => fs.rename(1, bytes('two'), 1, bytes('three'), 0, root));
    expect(await bench.names(1)).toEqual(['three', 'two']);
    const a = await bench.directory('a');
    await bench.directory('b');
    await bench.do((fs) => fs.rename(1, bytes('a'), 1, bytes('b'), 0, root));
    expect((await bench.do((fs) => fs.lookup(1, bytes('b')))).inode).toBe(a);
    expect((await bench.stat(1)).links).toBe(3);
    await clean();
  });

  it('exchanges a file and a directory', async () => {
    const parent = await bench.directory('p');
    const directory = await bench.directory('d', parent);
    const file = await bench.file('f', 'x');
    await bench.do((fs) => fs.rename(1, bytes('f'), parent, bytes('d'), renameFlag.exchange, root));
    expect((await bench.do((fs) => fs.lookup(1, bytes('f')))).inode).toBe(directory);
    expect((await bench.do((fs) => fs.lookup(parent, bytes('d')))).inode).toBe(file);
    expect((await bench.do((fs) => fs.lookup(directory, bytes('..')))).inode).toBe(1);
    expect((await bench.stat(parent)).links).toBe(2);
    await clean();
  });

  it('takes no new names in a directory that was removed', async () => {
    const directory = await bench.directory('d');
    bench.fs.hold(directory);
    await bench.do((fs) => fs.rmdir(1, bytes('d'), root));
    expect((await bench.stat(directory)).links).toBe(0);
    expect(await bench.failure((fs) => fs.mknod(directory, bytes('f'), 0o100644, 0, 0, root))).toBe('ENOENT');
    expect(await bench.names(directory)).toEqual([]);
    bench.fs.letGo(directory, 1);
    expect(await bench.settle()).toEqual([]);
    expect(await bench.failure((fs) => fs.getattr(directory))).toBe('ESTALE');
  });

  it('reads a directory in parts while entries come and go', async () => {
    const wanted = new Set<string>();
    for (let i = 0; i < 300; i++) wanted.add(`file-${i}`);
    for (const name of wanted) await bench.file(name);
    const found: string[] = [];
    let cookie = 0;
    for (let part = 0; ; part++) {
      const from = cookie;
      const got = await bench.do((fs) => {
        const list: [string, number][] = [];
        fs.readdir(1, from, (name, _inode, _type, next) => list.length < 20 && list.push([text(name), next]) > 0);
        return list;
      });
      if (got.length === 0) break;
      found.push(...got.map(([name]) => name));
      cookie = got[got.length - 1][1];
      await bench.file(`late-${part}`);
      const gone = [...wanted].find((name) => !found.includes(name));
      if (gone !== undefined) {
        await bench.do((fs) => fs.unlink(1, bytes(gone), root));
        wanted.delete(gone);
      }
    }
    expect(found.slice(0, 2)).toEqual(['.', '..']);
    expect(new Set(found).size).toBe(found.length);
    for (const name of wanted) expect(found).toContain(name);
  });
});

it('tells names apart that have the same hash', async () => {
  // Names whose hashes collide are not to be had, so entries of other names are put under the numbers of one.
  const bench = await Workbench.open();
  const inode = await bench.file('first');
  const { offset, value } = bench.volume.items.find((item) => item.kind === 5) ?? {
    offset: 0,
    value: new Uint8Array(),
  };
  const other = value.slice();
  other.set(bytes('other'), value.length - 5);
  await bench.do(() => bench.volume.apply(new Batch().put(1, 5, offset, other).put(1, 5, offset + 2, value.slice())));
  expect((await bench.do((fs) => fs.lookup(1, bytes('first')))).inode).toBe(inode);
  await bench.do((fs) => fs.rename(1, bytes('first'), 1, bytes('second'), 0, root));
  await bench.do((fs) => fs.mknod(1, bytes('first'), 0o100644, 0, 0, root));
  const numbers = bench.volume.items.filter(
    (item) => item.kind === 5 && Math.floor(item.offset / 256) === offset / 256,
  );
  expect(numbers.map((item) => item.offset - offset)).toEqual([0, 1]);
});

it('takes 65,000 names of a file, and no more', async () => {
  const bench = await Workbench.open();
  const inode = await bench.file('f');
  const { value } = bench.volume.items.find((item) => item.inode === inode && item.kind === itemKind.inode) ?? {};
  const record = { ...decodeInode(inode, value ?? new Uint8Array()), links: maxLinks - 1 };
  await bench.do(() => bench.volume.apply(new Batch().put(inode, itemKind.inode, 0, encodeInode(record, 0))));
  await bench.remount();
  await bench.do((fs) => fs.link(inode, 1, bytes('last'), root));
  expect(await bench.failure((fs) => fs.link(inode, 1, bytes('more'), root))).toBe('EMLINK');
  await bench.do((fs) => fs.unlink(1, bytes('f'), root));
  await bench.do((fs) => fs.link(inode, 1, bytes('more'), root));
  expect((await bench.stat(inode)).links).toBe(maxLinks);
});
