/** Items that are sound by themselves and make no sense together: operations that meet them end, with an error. */
import { expect, it } from 'vitest';
import { InodeRecord, inodeFlag, itemKind, Xattr } from '../../fs/format/item.js';
import { firstOffset, hash45 } from '../../fs/format/name-hash.js';
import { Batch } from '../../fs/tree/batch.js';
import { bytes, root, Workbench } from './workbench.js';

/** Change an inode's record on the volume, and forget what is in memory. */
async function change(bench: Workbench, inode: number, fields: Partial<InodeRecord>): Promise<void> {
  await bench.fs.close();
  const value = bench.volume.get(inode, itemKind.inode, 0)?.slice() ?? new Uint8Array();
  const view = new DataView(value.buffer);
  InodeRecord.write(view, 0, { ...InodeRecord.read(view), ...fields });
  bench.volume.apply(new Batch().put(inode, itemKind.inode, 0, value));
  await bench.remount();
}

it.each([1, 2, 3, 7])('a directory is not moved into a ring of %i that are their own ancestors', async (length) => {
  const bench = await Workbench.open();
  const moved = await bench.directory('moved');
  const ring: number[] = [];
  for (let i = 0; i < length; i++) ring.push(await bench.directory(`${i}`, ring.at(-1)));
  // One of several is its own parent only as the root is: that ends a search, too.
  await change(bench, ring[0], { parent: ring.at(-1) as number });
  const into = ring.at(-1) as number;
  const failure = await bench.failure((fs) => fs.rename(1, bytes('moved'), into, bytes('x'), 0, root));
  expect(failure).toBe(length === 1 ? 'none' : 'EUCLEAN');
  expect((await bench.do((fs) => fs.getattr(moved))).inode).toBe(moved);
});

it('an attribute that says it has four gigabytes takes no memory and no batch of a million deletions', async () => {
  const bench = await Workbench.open();
  const inode = await bench.file('f');
  const name = bytes('user.large');
  const value = new Uint8Array(Xattr.size + name.length);
  const header = { nameBytes: name.length, reserved: 0, valueBytes: 2 ** 32 - 1, pieces: 1 };
  Xattr.write(new DataView(value.buffer), 0, header);
  value.set(name, Xattr.size);
  const offset = firstOffset(hash45(name, bench.volume.nameSeed));
  bench.volume.apply(new Batch().put(inode, itemKind.xattr, offset, value));
  await change(bench, inode, { flags: inodeFlag.xattrs });
  expect(await bench.failure((fs) => fs.getxattr(inode, name))).toBe('EUCLEAN');
  expect(await bench.failure((fs) => fs.removexattr(inode, name, root))).toBe('EUCLEAN');
});
