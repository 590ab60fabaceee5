/** One file that can't be flushed: those behind it are, and whoever asked is told of the failure. */
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { FsError } from '../../fs/errors.js';
import { itemKind } from '../../fs/format/item.js';
import { Workbench } from './workbench.js';

const pages = (count: number): Uint8Array => new Uint8Array(count * 4096).fill(7);

/** A file that can't be flushed and then one that can, both dirty. */
async function twoFiles(cacheBytes: number, count: number): Promise<{ bench: Workbench; whole: number }> {
  const bench = await Workbench.open({}, { cacheBytes });
  const broken = await bench.file('broken');
  const whole = await bench.file('whole');
  const { volume } = bench;
  const prepare = volume.prepare.bind(volume);
  volume.prepare = (keys, ...rest) => {
    if (keys[0].inode === broken) throw new FsError('EIO', 'prepare', broken);
    prepare(keys, ...rest);
  };
  await bench.write(broken, 0, pages(2));
  // Page by page: much at once goes to the log by itself.
  for (let page = 0; page < count; page++) await bench.write(whole, page * 4096, pages(1));
  return { bench, whole };
}

const isThere = ({ volume }: Workbench, inode: number): boolean => {
  const extents = volume.seek(inode, itemKind.extent, 0);
  return extents.valid && extents.inode === inode && extents.kind === itemKind.extent;
};

it('a commit flushes the others', async () => {
  const { bench, whole } = await twoFiles(4 << 20, 2);
  await expect(bench.volume.commit()).rejects.toMatchObject({ code: 'EIO' });
  expect(isThere(bench, whole)).toBe(true);
});

it('a sync makes the others durable, and tells of the one', async () => {
  const { bench, whole } = await twoFiles(4 << 20, 2);
  await expect(bench.fs.sync()).rejects.toMatchObject({ code: 'EIO' });
  expect(isThere(bench, whole)).toBe(true);
  expect(bench.volume.syncs).toBe(1);
});

it('a flush in the background goes on with the others', async () => {
  const { bench, whole } = await twoFiles(1 << 20, 700);
  for (let turns = 0; turns < 1000 && !isThere(bench, whole); turns++) await setImmediate();
  expect(isThere(bench, whole)).toBe(true);
});
